import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectAssistant, type ToolArguments } from "../support/assistant.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen } from "../support/device-pen.ts";
import { QuarrellingDevices } from "../support/quarrel.ts";
import { WireDevice } from "../support/wire-device.ts";

// What undo promises: exactly what a call changed goes back, as new versions, or it is said why it cannot.

let house: Constellation;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  house = opened.use(await constellation());
});
afterAll(() => opened.disposeAsync());

/** A household of one test's own, with an assistant of ben's in it. */
async function home(household?: TestHousehold) {
  const villa = household ?? (await house.newHousehold());
  const assistant = opened.use(await connectAssistant(house, villa.tokens.member));
  const as = { token: villa.tokens.owner };
  return {
    assistant,
    as,
    ...house.clients,
    /** Calls a tool that works, and answers what the call is called. */
    async done(tool: string, args: ToolArguments): Promise<{ call_id: string; id: string }> {
      const { data, text, failed } = await assistant.call<Written>(tool, args);
      expect(failed ? text : "").toBe("");
      return { call_id: data.call_id, id: data.entity?.id ?? data.relationship?.id ?? "" };
    },
    undo: (call: { readonly call_id: string }) => assistant.call<Undone>("undo", { call_id: call.call_id }),
    /** The properties of an entity; undefined when it is not there. */
    async body(id: string): Promise<unknown> {
      const { entity } = await house.clients.entities.getEntity({ id, includeDeleted: true }, as);
      return entity?.deleted === true ? undefined : JSON.parse(entity?.bodyJson ?? "null");
    },
    async edges(id: string): Promise<string[]> {
      const { relationships } = await house.clients.relationships.listRelationships({ entityId: id }, as);
      return relationships.map((edge) => edge.id).toSorted();
    },
  };
}

interface Written {
  readonly call_id: string;
  readonly entity?: { readonly id: string };
  readonly relationship?: { readonly id: string };
}

interface Undone {
  readonly call_id: string;
  readonly done: string;
  readonly keys: readonly string[];
  readonly kept: readonly { readonly key: string; readonly changed_since: string }[];
  readonly relationship_ids: readonly string[];
  readonly not_returned: readonly string[];
}

type Home = Awaited<ReturnType<typeof home>>;

async function lampInKitchen({ done }: Home) {
  const kitchen = await done("create_entity", { type: "room", name: "Kitchen" });
  const lamp = await done("create_entity", { type: "device", name: "Lamp", content: { watts: 40, colour: "red" } });
  const placed = await done("create_relationship", { type: "located_in", from: lamp.id, to: kitchen.id });
  return { kitchen, lamp, placed };
}

describe("undo of a create", () => {
  it("deletes what was created, and brings it back when it is undone itself", async () => {
    const villa = await home();
    const { lamp, placed } = await lampInKitchen(villa);
    expect((await villa.undo(placed)).data).toMatchObject({ done: "deleted", record_kind: "relationship" });
    const undone = await villa.undo(lamp);
    expect(undone.data.done).toBe("deleted");
    expect(await villa.body(lamp.id)).toBeUndefined();
    expect((await villa.undo(undone.data)).data.done).toBe("restored");
    expect(await villa.body(lamp.id)).toEqual({ name: "Lamp", watts: 40, colour: "red" });
  });

  it("is refused while other calls have built on it, and says which edges those are", async () => {
    const villa = await home();
    const { lamp, placed } = await lampInKitchen(villa);
    const refused = await villa.undo(lamp);
    expect(refused.error?.reason).toBe("CHANGED_SINCE");
    expect(refused.text).toContain(placed.id);
    await villa.done("update_entity", { entity_id: lamp.id, content: { watts: 5 } });
    const again = await villa.undo(lamp);
    expect(again).toMatchObject({ error: { reason: "CHANGED_SINCE" }, text: expect.stringContaining("watts") });
    expect(await villa.body(lamp.id)).toMatchObject({ watts: 5 });
  });

  it("is refused where there are more relationships than it looks through", async () => {
    const household = await house.newHousehold();
    const villa = await home(household);
    const room = await villa.done("create_entity", { type: "room", name: "Attic" });
    const { sync } = house.clients;
    await using device = WireDevice.open({ sync, token: household.tokens.owner, deviceId: "panel" });
    await device.upToDate();
    const pen = new DevicePen("panel");
    const sensor = pen.entity({ name: "Sensor" });
    const edges = Array.from({ length: 1_001 }, () => pen.edge("monitors", sensor.recordId, room.id));
    await device.push([sensor, ...edges.slice(0, 500)]);
    await device.push(edges.slice(500));
    const refused = await villa.undo(room);
    expect(refused.error?.reason).toBe("TOO_LARGE");
    expect(refused.text).toContain("more than 1000 relationships");
    expect(await villa.body(room.id)).toEqual({ name: "Attic" });
  });
});

describe("undo of a delete", () => {
  it("brings back the entity with its relationships; undone itself, they go again", async () => {
    const villa = await home();
    const { kitchen, lamp, placed } = await lampInKitchen(villa);
    const deleted = await villa.done("delete_entity", { entity_id: lamp.id });
    const undone = await villa.undo(deleted);
    expect(undone.data).toMatchObject({ done: "restored", relationship_ids: [placed.id], not_returned: [] });
    expect(await villa.body(lamp.id)).toEqual({ name: "Lamp", watts: 40, colour: "red" });
    expect(await villa.edges(kitchen.id)).toEqual([placed.id]);
    const gone = await villa.undo(undone.data);
    expect(gone.data).toMatchObject({ done: "deleted", relationship_ids: [placed.id] });
    expect(await villa.edges(kitchen.id)).toEqual([]);
    const back = await villa.undo(gone.data);
    expect(back.data).toMatchObject({ done: "restored", relationship_ids: [placed.id] });
    expect((await villa.graph.checkIntegrity({}, villa.as)).faults).toEqual([]);
  });

  it("says which relationships cannot return", async () => {
    const villa = await home();
    const { kitchen, lamp, placed } = await lampInKitchen(villa);
    const deleted = await villa.done("delete_entity", { entity_id: lamp.id });
    await villa.done("delete_entity", { entity_id: kitchen.id });
    const { data, text } = await villa.undo(deleted);
    expect(data).toMatchObject({ done: "restored", relationship_ids: [], not_returned: [placed.id] });
    expect(text).toContain(`relationship ${placed.id} cannot return`);
  });

  it("is told to be done already when somebody has restored it, and by whom", async () => {
    const villa = await home();
    const { lamp } = await lampInKitchen(villa);
    const deleted = await villa.done("delete_entity", { entity_id: lamp.id });
    await villa.entities.restoreEntity({ id: lamp.id, etag: "*" }, villa.as);
    const { error, text } = await villa.undo(deleted);
    expect(error?.reason).toBe("ALREADY_UNDONE");
    expect(text).toContain("by ada at ");
  });
});

describe("undo of an update", () => {
  it("sets back and removes what the call set, and leaves what others have changed meanwhile", async () => {
    const villa = await home();
    const { lamp } = await lampInKitchen(villa);
    const content = { watts: 60, colour: "blue", dimmable: true };
    const updated = await villa.done("update_entity", { entity_id: lamp.id, content, remove: ["name"] });
    const others = { id: lamp.id, etag: "*", updateMask: { paths: ["colour", "floor"] } };
    await villa.entities.updateEntity({ ...others, bodyJson: '{"colour":"green","floor":2}' }, villa.as);
    const { data, text } = await villa.undo(updated);
    expect(await villa.body(lamp.id)).toEqual({ name: "Lamp", watts: 40, colour: "green", floor: 2 });
    expect(data.keys.toSorted()).toEqual(["dimmable", "name", "watts"]);
    expect(data.kept).toEqual([{ key: "colour", changed_since: expect.stringMatching(/^by ada at /) }]);
    expect(text).toContain("colour stays");
    const redone = await villa.undo(data);
    expect(redone.failed).toBe(false);
    expect(await villa.body(lamp.id)).toEqual({ ...content, colour: "green", floor: 2 });
  });

  it("happens once, however many ask for it at the same time", async () => {
    const villa = await home();
    const { lamp } = await lampInKitchen(villa);
    const updated = await villa.done("update_entity", { entity_id: lamp.id, content: { watts: 60 } });
    const answers = await Promise.all([1, 2, 3].map(() => villa.undo(updated)));
    const reasons = answers.filter(({ failed }) => failed).map(({ error }) => error?.reason);
    expect(reasons).toHaveLength(2);
    for (const reason of reasons) expect(["ALREADY_UNDONE", "STALE_ETAG"]).toContain(reason);
    expect(await villa.body(lamp.id)).toMatchObject({ watts: 40 });
    const { entries } = await villa.entities.getEntityHistory({ id: lamp.id }, villa.as);
    expect(entries).toHaveLength(3);
  });

  it("is told to be done already the second time", async () => {
    const villa = await home();
    const { lamp } = await lampInKitchen(villa);
    const updated = await villa.done("update_entity", { entity_id: lamp.id, content: { watts: 60 } });
    const first = await villa.undo(updated);
    const { error, text } = await villa.undo(updated);
    expect(error?.reason).toBe("ALREADY_UNDONE");
    expect(text).toContain(first.data.call_id);
  });

  it("is refused when all of it has been changed since, or the entity is gone, saying by whom", async () => {
    const villa = await home();
    const { lamp } = await lampInKitchen(villa);
    const updated = await villa.done("update_entity", { entity_id: lamp.id, content: { watts: 60 } });
    const later = await villa.done("update_entity", { entity_id: lamp.id, content: { watts: 7 } });
    const overtaken = await villa.undo(updated);
    expect(overtaken).toMatchObject({
      error: { reason: "CHANGED_SINCE" },
      text: expect.stringContaining(later.call_id),
    });
    const deleted = await villa.done("delete_entity", { entity_id: lamp.id });
    const gone = await villa.undo(later);
    expect(gone).toMatchObject({ error: { reason: "CHANGED_SINCE" }, text: expect.stringContaining(deleted.call_id) });
  });
});

describe("undo of the other writes", () => {
  it("connects again what a call disconnected", async () => {
    const villa = await home();
    const { kitchen, lamp, placed } = await lampInKitchen(villa);
    const ended = await villa.done("end_relationship", { type: "located_in", from: "Lamp", to: "Kitchen" });
    expect(await villa.edges(lamp.id)).toEqual([]);
    expect((await villa.undo(ended)).data.done).toBe("restored");
    expect(await villa.edges(kitchen.id)).toEqual([placed.id]);
  });

  it("takes back a restore", async () => {
    const villa = await home();
    const { lamp } = await lampInKitchen(villa);
    await villa.done("delete_entity", { entity_id: lamp.id });
    const restored = await villa.done("restore_entity", { entity_id: lamp.id });
    expect((await villa.undo(restored)).data).toMatchObject({ done: "deleted" });
    expect(await villa.body(lamp.id)).toBeUndefined();
  });

  it("takes back what a settled conflict made of the record", async () => {
    const devices = opened.use(await QuarrellingDevices.meet(house));
    const { local } = await devices.quarrel({ wish: ResolutionStrategy.MANUAL });
    const villa = await home(devices.household);
    const { conflicts } = await villa.conflicts.listConflicts({}, villa.as);
    const settled = await villa.done("settle_conflict", { conflict_id: conflicts[0]?.id, take: "device" });
    expect(await villa.body(local.recordId)).toMatchObject({ brightness: 70 });
    const { data, text } = await villa.undo(settled);
    expect(data).toMatchObject({ done: "changed_back", keys: ["brightness"] });
    expect(text).toContain("The conflict stays settled");
    expect(await villa.body(local.recordId)).toMatchObject({ brightness: 30 });
    const again = await villa.done("settle_conflict", { conflict_id: conflicts[0]?.id, take: "device" });
    expect(again.call_id).not.toBe(settled.call_id);
    expect(await villa.body(local.recordId)).toMatchObject({ brightness: 70 });
  });

  it("has nothing to take back of a conflict that was settled by leaving the record as it was, and tells of it", async () => {
    const devices = opened.use(await QuarrellingDevices.meet(house));
    const { local } = await devices.quarrel({ wish: ResolutionStrategy.MANUAL });
    const villa = await home(devices.household);
    const { conflicts } = await villa.conflicts.listConflicts({}, villa.as);
    const conflict = { conflict_id: conflicts[0]?.id ?? "" };
    const kept = [
      await villa.done("settle_conflict", { ...conflict, take: "server" }),
      await villa.done("settle_conflict", { ...conflict, take: "server" }),
    ].map(({ call_id }) => call_id);
    const note = await villa.done("create_entity", { type: "note", name: "Later" });
    const told: { call_id: string }[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const args = { through: "mcp", limit: 1, ...(cursor === undefined ? {} : { cursor }) };
      const { data } = await villa.assistant.call<{ calls: { call_id: string }[]; next_cursor?: string }>(
        "get_activity",
        args,
      );
      told.push(...data.calls);
      cursor = data.next_cursor;
    }
    expect(told.map(({ call_id }) => call_id)).toEqual([note.call_id, ...kept.toReversed()]);
    expect(told[1]).toMatchObject({
      user: "ben",
      assistant: "Test Assistant",
      tool: "settle_conflict",
      changes: [],
      change_count: 0,
      kept: { ...conflict, id: local.recordId, type: "device" },
    });
    const { error, text } = await villa.undo({ call_id: kept[0] ?? "" });
    expect(error?.reason).toBe("NOTHING_WRITTEN");
    expect(text).toContain(conflict.conflict_id);
    const again = await villa.done("settle_conflict", { ...conflict, take: "device" });
    expect(await villa.body(local.recordId)).toMatchObject({ brightness: 70 });
    expect((await villa.undo(again)).data.done).toBe("changed_back");
  });

  it("takes back a call of the API, too", async () => {
    const villa = await home();
    const { lamp } = await lampInKitchen(villa);
    const options = { ...villa.as, requestId: "from-an-app" };
    await villa.entities.deleteEntity({ id: lamp.id, etag: "*" }, options);
    expect((await villa.undo({ call_id: "from-an-app" })).data.done).toBe("restored");
    expect(await villa.body(lamp.id)).toMatchObject({ watts: 40 });
  });

  it("is for one write: a call of the API in several is not taken apart", async () => {
    const villa = await home();
    const options = { ...villa.as, requestId: "two-in-one" };
    for (const name of ["A", "B"]) {
      await villa.entities.createEntity({ type: EntityType.NOTE, bodyJson: JSON.stringify({ name }) }, options);
    }
    const { error } = await villa.undo({ call_id: "two-in-one" });
    expect(error?.reason).toBe("SEVERAL_WRITES");
  });
});
