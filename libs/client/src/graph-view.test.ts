import type { RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { beforeEach, describe, expect, it } from "vitest";
import type { Client } from "./client.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientOf } from "./testing/scenario.ts";

let home: Client;
const ids = new Map<string, RecordId>();

beforeEach(async () => {
  home = await clientOf(new ModelServer(), { deviceId: "ada" });
  await home.edit((editor) => {
    const add = (name: string, type: "home" | "room" | "device" | "accessory", more: object = {}) => {
      const source = type === "accessory" ? "homekit" : "manual";
      ids.set(name, editor.create({ type, body: { name, ...more }, source }));
    };
    add("Maple Street 12", "home");
    add("Kitchen", "room");
    add("Café corner", "room");
    add("Ceiling light", "device", { manufacturer: "Lumen Works", capabilities: ["dimming"] });
    add("Kettle plug", "device");
    add("Espresso machine", "device", { manufacturer: "Barista & Söhne" });
    add("Bridge", "accessory");
    const relate = (from: string, type: "located_in" | "part_of" | "controls", to: string) =>
      editor.relate({ from: id(from), type, to: id(to) });
    relate("Kitchen", "located_in", "Maple Street 12");
    relate("Café corner", "located_in", "Maple Street 12");
    relate("Ceiling light", "located_in", "Kitchen");
    relate("Espresso machine", "located_in", "Café corner");
    relate("Bridge", "part_of", "Ceiling light");
  });
});

function id(name: string): RecordId {
  return must(ids.get(name), name);
}

function names(entities: readonly { readonly name: string }[]): string[] {
  return entities.map(({ name }) => name);
}

it("lets nobody write into what others are given too, all the way down", () => {
  const { body } = must(home.graph.entity(id("Ceiling light")), "it is there");
  const open = body as { name?: string; capabilities: string[] };
  expect(() => delete open.name).toThrow(TypeError);
  expect(() => open.capabilities.push("colour")).toThrow(TypeError);
  expect(home.graph.entity(id("Ceiling light"))?.body).toEqual({
    name: "Ceiling light",
    manufacturer: "Lumen Works",
    capabilities: ["dimming"],
  });
});

describe("finding", () => {
  it("knows types, sources and parts of names, whatever their case and accents", () => {
    expect(names(home.graph.find({ type: "room" }))).toEqual(["Café corner", "Kitchen"]);
    expect(names(home.graph.find({ source: "homekit" }))).toEqual(["Bridge"]);
    expect(names(home.graph.find({ name: "CAFE" }))).toEqual(["Café corner"]);
    expect(names(home.graph.find({ type: "device", name: "ke" }))).toEqual(["Kettle plug"]);
  });

  it("knows what is in a place, over all that is in it or part of what is", () => {
    expect(names(home.graph.find({ room: id("Kitchen") }))).toEqual(["Bridge", "Ceiling light"]);
    expect(names(home.graph.find({ room: id("Maple Street 12"), type: "device" }))).toEqual([
      "Ceiling light",
      "Espresso machine",
    ]);
    expect(names(home.graph.find({ room: id("Café corner") }))).toEqual(["Espresso machine"]);
  });

  it("is refused when it asks for what there is not", () => {
    const invalid = (field: string) => expect.objectContaining({ fields: [expect.objectContaining({ field })] });
    expect(() => home.graph.find({ types: ["room"] } as object)).toThrow(invalid("types"));
    expect(() => home.graph.find({ type: "lamp" as never })).toThrow(invalid("type"));
    expect(() => home.graph.find({ source: "homebridge" as never })).toThrow(invalid("source"));
    expect(() => home.graph.search("lamp", { type: "room" } as object)).toThrow(invalid("type"));
    expect(() => home.graph.search("lamp", { types: ["lamp" as never] })).toThrow(invalid("types"));
  });

  it("knows words of the content, and does not guess", () => {
    expect(names(home.graph.find({ text: "lumen" }))).toEqual(["Ceiling light"]);
    expect(names(home.graph.find({ text: "sohne", type: "device" }))).toEqual(["Espresso machine"]);
    expect(names(home.graph.find({ text: "kettel" }))).toEqual([]);
  });
});

describe("searching", () => {
  it("puts names before content before what is nearly meant", () => {
    expect(names(home.graph.search("kitchen").map(({ entity }) => entity))).toEqual(["Kitchen"]);
    expect(home.graph.search("dimm")[0]).toMatchObject({
      entity: { name: "Ceiling light" },
      match: { kind: "content" },
    });
    expect(home.graph.search("kithcen")[0]).toMatchObject({ entity: { name: "Kitchen" }, match: { kind: "fuzzy" } });
    expect(home.graph.search("espreso mashine")[0]?.entity.name).toBe("Espresso machine");
    expect(home.graph.search("e", { types: ["room"] }).every(({ entity }) => entity.type === "room")).toBe(true);
    expect(home.graph.search("e", { limit: 2 })).toHaveLength(2);
    expect(names(home.graph.search("ligth", { types: ["device"], limit: 1 }).map(({ entity }) => entity))).toEqual([
      "Ceiling light",
    ]);
    expect(home.graph.search("corner", { types: ["device"], limit: 1 })).toEqual([]);
    expect(home.graph.search("  ")).toEqual([]);
  });

  it("follows every edit", async () => {
    expect(home.graph.search("loft")).toEqual([]);
    await home.update(id("Kitchen"), { name: "Loft" });
    expect(home.graph.search("loft")).toHaveLength(1);
    expect(home.graph.search("kitchen")).toEqual([]);
    await home.remove(id("Kitchen"));
    expect(home.graph.search("loft")).toEqual([]);
  });
});

describe("a path", () => {
  it("is a shortest one, both ways or directed, over the wanted edges", () => {
    const path = home.graph.path(id("Bridge"), id("Espresso machine"));
    expect(path?.map(({ entity, inverse }) => [entity.name, inverse])).toEqual([
      ["Ceiling light", false],
      ["Kitchen", false],
      ["Maple Street 12", false],
      ["Café corner", true],
      ["Espresso machine", true],
    ]);
    expect(
      names((home.graph.path(id("Bridge"), id("Kitchen"), { directed: true }) ?? []).map((s) => s.entity)),
    ).toEqual(["Ceiling light", "Kitchen"]);
    expect(home.graph.path(id("Kitchen"), id("Bridge"), { directed: true })).toBeUndefined();
    expect(home.graph.path(id("Bridge"), id("Kitchen"), { types: ["located_in"] })).toBeUndefined();
    expect(home.graph.path(id("Bridge"), id("Espresso machine"), { maxDepth: 4 })).toBeUndefined();
    expect(home.graph.path(id("Kettle plug"), id("Kitchen"))).toBeUndefined();
    expect(home.graph.path(id("Kitchen"), id("Kitchen"))).toEqual([]);
  });

  it("does not lead through what was deleted", async () => {
    await home.remove(id("Ceiling light"));
    expect(home.graph.path(id("Bridge"), id("Kitchen"))).toBeUndefined();
    expect(home.graph.neighbours(id("Bridge"))).toEqual([]);
  });
});
