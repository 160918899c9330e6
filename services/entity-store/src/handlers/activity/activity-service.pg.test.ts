import { randomUUID } from "node:crypto";
import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { DifferenceKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, type RunningStore, startStore } from "../../../test/running-store.ts";
import { smallHome } from "../../../test/small-home.ts";

let store: RunningStore;
beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store?.[Symbol.asyncDispose]());

const { CREATED, UPDATED, DELETED } = DifferenceKind;
const origin = (callId: string, tool = "a_tool") => ({ channel: "mcp", clientName: "Helper", tool, callId });

/** A household in which an assistant of its member writes, too. */
function home() {
  const small = smallHome(store);
  const asAssistant = { actor: small.as.token };
  return {
    ...small,
    async renamed(id: string, name: string, callId: string) {
      const bodyJson = JSON.stringify({ name });
      const request = { id, etag: "*", bodyJson, updateMask: { paths: ["name"] }, origin: origin(callId) };
      return (await store.entitiesAsService.updateEntity(request, asAssistant)).entity;
    },
    async deleted(id: string, callId: string) {
      await store.entitiesAsService.deleteEntity(
        { id, etag: "*", origin: origin(callId, "delete_entity") },
        asAssistant,
      );
    },
    async calls(request: Parameters<typeof store.activity.listActivity>[0] = {}) {
      return (await store.activity.listActivity(request, small.guest)).calls;
    },
  };
}

describe("ListActivity", () => {
  it("tells who changed what, through what, and which versions came of it, newest first", async () => {
    const { entity, renamed, calls, as } = home();
    const lamp = await entity(EntityType.DEVICE, { name: "Lamp" });
    const first = (await store.entities.getEntity({ id: lamp }, as)).entity;
    const second = await renamed(lamp, "Pendant", "call-2");
    const [later, earlier, ...others] = await calls();
    expect(others).toEqual([]);
    expect(later).toMatchObject({
      origin: { channel: "mcp", clientName: "Helper", tool: "a_tool", callId: "call-2" },
      author: as.token,
      time: second?.updateTime,
      changes: [
        {
          kind: UPDATED,
          recordId: lamp,
          entityType: EntityType.DEVICE,
          name: "Pendant",
          version: second?.version,
          versionBefore: first?.version,
          cascaded: false,
        },
      ],
      changeCount: 1n,
    });
    expect(earlier).toMatchObject({
      origin: { channel: "api" },
      changes: [{ kind: CREATED, name: "Lamp", version: first?.version, versionBefore: "" }],
    });
  });

  it("tells what went and came back along with an entity", async () => {
    const { deleted, calls, as, ...small } = home();
    const { lamp, kitchen, edges } = await small.furnished();
    await deleted(lamp, "call-9");
    await store.entities.restoreEntity({ id: lamp, etag: "*" }, as);
    const [restored, gone] = await calls({ recordId: lamp, pageSize: 2 });
    expect(gone?.changes[0]).toMatchObject({ kind: DELETED, recordId: lamp, name: "Lamp", cascaded: false });
    expect(gone?.changes.slice(1).every(({ kind, cascaded }) => kind === DELETED && cascaded)).toBe(true);
    expect(gone?.changes.find(({ recordId }) => recordId === edges.lampInKitchen)).toMatchObject({
      relationshipType: RelationshipType.LOCATED_IN,
      fromId: lamp,
      toId: kitchen,
      name: "",
    });
    expect(restored?.changes.map(({ kind }) => kind)).toEqual([CREATED, CREATED, CREATED, CREATED]);
    expect(restored?.changeCount).toBe(4n);
  });

  it("tells the first hundred versions of a call and counts the others", async () => {
    const { entity, edge, deleted, calls } = home();
    const room = await entity(EntityType.ROOM, { name: "Store" });
    for (let index = 0; index < 101; index++) {
      const thing = await entity(EntityType.DEVICE, { name: `Thing ${index}` });
      await edge(thing, RelationshipType.LOCATED_IN, room);
    }
    await deleted(room, "call-all");
    const [call] = await calls({ callId: "call-all" });
    expect(call?.changes).toHaveLength(100);
    expect(call?.changeCount).toBe(102n);
  });

  it("is filtered by call, door, user, record and time", async () => {
    const { entity, renamed, calls, as, owner } = home();
    const lamp = await entity(EntityType.DEVICE, { name: "Lamp" });
    const pendant = await renamed(lamp, "Pendant", "call-a");
    const { entity: note } = await store.entities.createEntity({ type: EntityType.NOTE }, owner);
    await renamed(lamp, "Chandelier", "call-b");
    const ids = async (request: object) =>
      (await calls(request)).map(({ origin: from }) => (from?.channel === "mcp" ? from.callId : from?.channel));
    expect(await ids({ callId: "call-a" })).toEqual(["call-a"]);
    expect(await ids({ channel: "mcp" })).toEqual(["call-b", "call-a"]);
    expect(await ids({ author: owner.token })).toEqual(["api"]);
    expect(await ids({ author: as.token, channel: "api" })).toEqual(["api"]);
    expect(await ids({ recordId: lamp })).toEqual(["call-b", "call-a", "api"]);
    expect(await ids({ recordId: note?.id ?? "" })).toEqual(["api"]);
    expect(await ids({ recordId: lamp, callId: "call-b" })).toEqual(["call-b"]);
    expect(await ids({ recordId: randomUUID() })).toEqual([]);
    const time = { since: pendant?.updateTime ?? { seconds: 0n, nanos: 0 } };
    expect(await ids(time)).toEqual(["call-b", "api"]);
    expect(await ids({ until: time.since })).toEqual(["call-a", "api"]);
  });

  it("comes in pages that agree with the whole", async () => {
    const { entity, renamed, calls, guest } = home();
    const lamp = await entity(EntityType.DEVICE, { name: "Lamp" });
    for (const name of ["A", "B", "C", "D"]) await renamed(lamp, name, `call-${name}`);
    const whole = await calls();
    const paged = [];
    let pageToken = "";
    do {
      const page = await store.activity.listActivity({ pageSize: 2, pageToken }, guest);
      paged.push(...page.calls);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(paged).toEqual(whole);
    expect(whole).toHaveLength(5);
  });

  it("shows nothing of another household, whatever is asked for", async () => {
    const [mine, theirs] = [home(), home()];
    const lamp = await mine.entity(EntityType.DEVICE, { name: "Lamp" });
    await mine.renamed(lamp, "Pendant", "call-secret");
    await theirs.entity(EntityType.DEVICE, { name: "Other lamp" });
    expect(await theirs.calls()).toHaveLength(1);
    for (const request of [{ callId: "call-secret" }, { recordId: lamp }, { author: mine.as.token }]) {
      expect(await theirs.calls(request)).toEqual([]);
    }
  });

  it("keeps apart two doors that use one id", async () => {
    const { entity, renamed, calls, as } = home();
    const lamp = await entity(EntityType.DEVICE, { name: "Lamp" });
    await renamed(lamp, "Pendant", "same-id");
    const update = { id: lamp, etag: "*", bodyJson: '{"name":"Chandelier"}' };
    await store.entities.updateEntity(update, { ...as, requestId: "same-id" });
    const told = (await calls({ callId: "same-id" })).map(({ origin: from, changeCount }) => [
      from?.channel,
      changeCount,
    ]);
    expect(told).toEqual([
      ["api", 1n],
      ["mcp", 1n],
    ]);
  });

  it.each([
    ["page_size", { pageSize: 201 }],
    ["page_token", { pageToken: "x" }],
    ["call_id", { callId: "x".repeat(201) }],
    ["channel", { channel: "sync" }],
    ["author", { author: "a b" }],
    ["record_id", { recordId: "lamp" }],
    ["since", { since: { seconds: 9n ** 18n, nanos: 0 } }],
  ])("names the field %s when it is wrong", async (field, request) => {
    const call = store.activity.listActivity(request, smallHome(store).as);
    expect(await failure(call)).toMatchObject({ kind: "invalid", fields: [field] });
  });
});
