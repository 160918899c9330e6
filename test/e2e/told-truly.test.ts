import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ConflictType } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { SyncRequest } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen, newRecordId } from "../support/device-pen.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** A device that polls: one call after the other, each on the ground of the answer before. */
function poller(household: TestHousehold, deviceId: string) {
  const ground = { sessionId: "", householdId: "", epoch: "", nextSyncToken: "" };
  const sync = async (more: Partial<Pick<SyncRequest, "changes" | "vectorClock">> = {}) => {
    const request = { protocolVersion: PROTOCOL_VERSION, deviceId, ...ground, ...more };
    const answer = await system.clients.sync.sync(request, { token: household.tokens.owner });
    const { sessionId, householdId, epoch, nextSyncToken } = answer;
    Object.assign(ground, { sessionId, householdId, epoch, nextSyncToken });
    return answer;
  };
  const pulled = ({ changes }: Awaited<ReturnType<typeof sync>>) =>
    changes.map(({ record }) => (record.case === undefined ? "" : record.value.version));
  return { pen: new DevicePen(deviceId), sync, pulled };
}

describe("what a device pulls", () => {
  it("is decided by its cursor: a clock that claims to know everything hides nothing", async () => {
    const household = await system.newHousehold();
    const [phone, panel] = [poller(household, "phone"), poller(household, "panel")];
    await Promise.all([phone.sync(), panel.sync()]);
    const lamp = phone.pen.entity({ name: "Lamp" });
    const { vectorClock } = await phone.sync({ changes: [lamp] });
    const boasting = { ...vectorClock, phone: "2099-01-01T00:00:00.000Z-phone-999999" };
    expect(panel.pulled(await panel.sync({ vectorClock: boasting }))).toEqual([lamp.version]);
  });

  it("holds edits that were made before its last sync and came in after it", async () => {
    const household = await system.newHousehold();
    const [phone, panel] = [poller(household, "phone"), poller(household, "panel")];
    await Promise.all([phone.sync(), panel.sync()]);
    const early = phone.pen.entity({ name: "Written on the train" });
    await panel.sync({ changes: [panel.pen.entity({ name: "Lamp" })] });
    await panel.sync();
    await phone.sync({ changes: [early] });
    expect(panel.pulled(await panel.sync())).toEqual([early.version]);
  });
});

describe("the answer to a change", () => {
  it("names its record in lower case, however the device writes it, and what is no UUID as it was sent", async () => {
    const household = await system.newHousehold();
    const { pen, sync } = poller(household, "phone");
    await sync();
    const [lamp, room] = [pen.entity({ name: "Lamp" }), pen.entity({ name: "Room" }, { type: "room" })];
    const shouted = (change: typeof lamp) => ({ ...change, recordId: change.recordId.toUpperCase() });
    const recordsOf = ({ outcomes }: Awaited<ReturnType<typeof sync>>) => outcomes.map(({ recordId }) => recordId);
    // All of it new; then an update, a resend, a change that is refused and one that waits, each answered by another path.
    expect(recordsOf(await sync({ changes: [lamp, room].map(shouted) }))).toEqual([lamp.recordId, room.recordId]);
    const refused = pen.entity({ notes: "n".repeat(64 * 1024) });
    const early = pen.edge("located_in", lamp.recordId, newRecordId());
    const changes = [pen.update(lamp, { name: "Lamp 2" }), room, refused, early].map(shouted);
    const answer = await sync({ changes: [...changes, pen.entity({}, { id: "Lamp-1" })] });
    expect(answer.outcomes.map(({ outcome }) => outcome)).toEqual([
      Outcome.APPLIED,
      Outcome.APPLIED,
      Outcome.REJECTED,
      Outcome.DEFERRED,
      Outcome.REJECTED,
    ]);
    expect(recordsOf(answer)).toEqual([lamp, room, refused, early].map(({ recordId }) => recordId).concat("Lamp-1"));
  });
});

it("an id of the caller's own is told back in lower case by EntityService, found or not", async () => {
  const household = await system.newHousehold();
  const [id, nobodys] = [newRecordId(), newRecordId()];
  const as = { token: household.tokens.owner };
  const { entities } = system.clients;
  const created = await entities.createEntity({ id: id.toUpperCase(), type: EntityType.DEVICE, bodyJson: "{}" }, as);
  expect(created.entity?.id).toBe(id);
  const answer = await entities.batchGetEntities({ ids: [id, nobodys].map((each) => each.toUpperCase()) }, as);
  expect([answer.entities.map((entity) => entity.id), answer.missingIds]).toEqual([[id], [nobodys]]);
});

describe("a conflict", () => {
  it("is told as seen from the device: local is its own side, whoever was first", async () => {
    const household = await system.newHousehold();
    const [phone, panel] = [poller(household, "phone"), poller(household, "panel")];
    await panel.sync();
    const lamp = phone.pen.entity({ name: "Lamp", colour: "white" });
    await phone.sync();
    await phone.sync({ changes: [lamp] });
    const red = phone.pen.update(lamp, { name: "Lamp", colour: "red" });
    const blue = panel.pen.update(lamp, { name: "Lamp", colour: "blue" });
    await phone.sync({ changes: [red] });
    const { conflicts, syncStatus } = await panel.sync({ changes: [blue] });
    expect(syncStatus).toBe(SyncStatus.PARTIAL);
    expect(conflicts).toMatchObject([
      {
        localVersion: blue.version,
        serverVersion: red.version,
        details: [{ field: "colour", localJson: '"blue"', serverJson: '"red"', baseJson: '"white"' }],
      },
    ]);
  });

  it("of two creates under one id names both versions, and neither is lost", async () => {
    const household = await system.newHousehold();
    const [phone, panel] = [poller(household, "phone"), poller(household, "panel")];
    await Promise.all([phone.sync(), panel.sync()]);
    const first = phone.pen.entity({ name: "Lamp", colour: "red" });
    const second = panel.pen.entity({ name: "Lamp", watts: 7, colour: "blue" }, { id: first.recordId });
    await phone.sync({ changes: [first] });
    const { outcomes, conflicts } = await panel.sync({ changes: [second] });
    expect(outcomes).toMatchObject([{ recordId: first.recordId, version: second.version, outcome: Outcome.MERGED }]);
    expect(conflicts).toMatchObject([
      { conflictType: ConflictType.CONTENT_CONFLICT, localVersion: second.version, serverVersion: first.version },
    ]);
    const { owner } = household.tokens;
    const { entries } = await system.clients.entities.getEntityHistory({ id: first.recordId }, { token: owner });
    expect(entries.map(({ version }) => version?.version)).toEqual(
      expect.arrayContaining([first.version, second.version]),
    );
    const { entity } = await system.clients.entities.getEntity({ id: first.recordId }, { token: owner });
    expect(JSON.parse(entity?.bodyJson ?? "")).toMatchObject({ name: "Lamp", watts: 7 });
  });
});

describe("the body of an entity", () => {
  it("is cleared by {}, and an edit without a body is refused", async () => {
    const household = await system.newHousehold();
    const phone = poller(household, "phone");
    const { owner } = household.tokens;
    await phone.sync();
    const lamp = phone.pen.entity({ name: "Lamp" });
    const nothing = phone.pen.update(lamp, {});
    if (nothing.content.case === "entity") nothing.content.value.bodyJson = "";
    const cleared = phone.pen.update(lamp, {});
    const { outcomes } = await phone.sync({ changes: [lamp, nothing, cleared] });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.REJECTED, Outcome.APPLIED]);
    const { entity } = await system.clients.entities.getEntity({ id: lamp.recordId }, { token: owner });
    expect(entity).toMatchObject({ bodyJson: "{}", name: "" });
  });
});

describe("a deletion", () => {
  it("is of the record: no older version comes back in a read, a list or a search", async () => {
    const household = await system.newHousehold();
    const phone = poller(household, "phone");
    const { owner } = household.tokens;
    await phone.sync();
    const lamp = phone.pen.entity({ name: "Lamp" });
    const renamed = phone.pen.update(lamp, { name: "Desk lamp" });
    await phone.sync({ changes: [lamp, renamed] });
    await phone.sync({ changes: [phone.pen.remove(renamed)] });
    const { entities, graph } = system.clients;
    await expect(entities.getEntity({ id: lamp.recordId }, { token: owner })).rejects.toMatchObject({
      kind: "not-found",
    });
    expect((await entities.listEntities({}, { token: owner })).entities).toEqual([]);
    expect((await graph.searchEntities({ query: "lamp" }, { token: owner })).hits).toEqual([]);
  });
});
