import type { Client } from "@funkygibbon/client/client";
import { ModelServer } from "@funkygibbon/client/testing/model-server";
import { clientOf, within } from "@funkygibbon/client/testing/scenario";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { beforeEach, describe, expect, it } from "vitest";
import { findRecord, findRecordId, isRelationship } from "./find-record.ts";

const idOf = (end: string) => parseRecordId(`01a22977-7f7c-7050-8212-00000000${end}`);
const LAMP = idOf("11a0");
const STUDY = idOf("22b0");
const EDGE = idOf("33c0");

describe("a record", () => {
  let client: Client;
  beforeEach(async () => {
    client = await clientOf(new ModelServer(), { deviceId: "ada" });
    await client.edit((editor) => {
      editor.create({ id: LAMP, type: "device", body: { name: "Lamp" } });
      editor.create({ id: STUDY, type: "room", body: { name: "Cafe" } });
      editor.relate({ id: EDGE, type: "located_in", from: LAMP, to: STUDY });
    });
  });

  it("is meant by its name, by its id, and by digits that are those of no other", () => {
    for (const reference of ["lamp", LAMP, "11a0", "000011A0"]) expect(findRecord(client, reference).id).toBe(LAMP);
    for (const reference of [EDGE, "33c0"]) expect(findRecord(client, reference).id).toBe(EDGE);
    expect(findRecord(client, "cafe").id).toBe(STUDY);
    expect([isRelationship(client, EDGE), isRelationship(client, LAMP)]).toEqual([true, false]);
  });

  it("is not guessed where a relationship has the same digits as what it connects", () => {
    expect(() => findRecord(client, "01a22977")).toThrow(
      expect.objectContaining({
        reason: "NOT_FOUND",
        details: { [LAMP]: "device Lamp", [STUDY]: "room Cafe", [EDGE]: "Lamp located_in Cafe" },
      }),
    );
  });

  it("that was deleted is meant by digits that are those of no living one", async () => {
    client.connect();
    await client.create({ id: idOf("44d0"), type: "note", body: { name: "Fuse box" } });
    await client.settled(within());
    await client.remove(STUDY);
    await client.settled(within());
    expect(findRecordId(client, "22b0")).toBe(STUDY);
    expect(() => findRecordId(client, "01a22977")).toThrow("several are meant by 01a22977");
    await client[Symbol.asyncDispose]();
  });
});
