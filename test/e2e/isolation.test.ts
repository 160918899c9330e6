import { type Change, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { Direction } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { DomainError } from "@funkygibbon/kernel/errors";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen, newRecordId } from "../support/device-pen.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { readHousehold } from "../support/household-record.ts";
import { WireDevice } from "../support/wire-device.ts";

/** What the neighbours call their things: nothing of it may ever show next door. */
const SECRET = "Chartreuse";

let system: Constellation;
let ours: TestHousehold;
let theirs: TestHousehold;
let lamp: Change;
let room: Change;
let edge: Change;
let conflictId: string;

beforeAll(async () => {
  system = await constellation();
  ours = await system.newHousehold("ours");
  theirs = await system.newHousehold("theirs");
  const pen = new DevicePen("phone");
  lamp = pen.entity({ name: `${SECRET} lamp` });
  room = pen.entity({ name: `${SECRET} room` }, { type: "room" });
  edge = pen.edge("located_in", lamp.recordId, room.recordId);
  await using phone = open(theirs, "phone");
  await phone.push([lamp, room, edge]);
  await phone.push([pen.update(lamp, { name: `${SECRET} lamp`, colour: "blue" })]);
  const wish = ResolutionStrategy.MANUAL;
  const { conflicts } = await phone.push([pen.update(lamp, { name: `${SECRET} lamp`, colour: "red" }, { wish })]);
  conflictId = conflicts[0]?.conflictId ?? "";
  expect(conflictId).not.toBe("");
  return () => system[Symbol.asyncDispose]();
});

function open(household: TestHousehold, deviceId: string): WireDevice {
  return WireDevice.open({ sync: system.clients.sync, token: household.tokens.owner, deviceId });
}

/** Every way of asking for one record, on every public service; `id` stands for a record that is not the caller's. */
function askFor(ids: { entity: string; edge: string; conflict: string }) {
  const { entities, relationships, graph, conflicts } = system.clients;
  const token = ours.tokens.owner;
  const { entity: id, edge: edgeId, conflict } = ids;
  return {
    GetEntity: () => entities.getEntity({ id }, { token }),
    "GetEntity with deleted": () => entities.getEntity({ id, includeDeleted: true }, { token }),
    UpdateEntity: () => entities.updateEntity({ id, etag: "*", bodyJson: "{}" }, { token }),
    DeleteEntity: () => entities.deleteEntity({ id, etag: "*" }, { token }),
    RestoreEntity: () => entities.restoreEntity({ id, etag: "*" }, { token }),
    GetEntityHistory: () => entities.getEntityHistory({ id }, { token }),
    GetRelationship: () => relationships.getRelationship({ id: edgeId }, { token }),
    UpdateRelationship: () =>
      relationships.updateRelationship({ id: edgeId, etag: "*", propertiesJson: "{}" }, { token }),
    DeleteRelationship: () => relationships.deleteRelationship({ id: edgeId, etag: "*" }, { token }),
    RestoreRelationship: () => relationships.restoreRelationship({ id: edgeId, etag: "*" }, { token }),
    GetRelationshipHistory: () => relationships.getRelationshipHistory({ id: edgeId }, { token }),
    GetNeighbours: () => graph.getNeighbours({ entityId: id, direction: Direction.BOTH }, { token }),
    Traverse: () => graph.traverse({ entityId: id, direction: Direction.BOTH }, { token }),
    GetSubgraph: () => graph.getSubgraph({ entityId: id }, { token }),
    GetAncestors: () => graph.getAncestors({ entityId: id }, { token }),
    GetDescendants: () => graph.getDescendants({ entityId: id }, { token }),
    FindSimilarEntities: () => graph.findSimilarEntities({ entityId: id }, { token }),
    FindPath: () => graph.findPath({ fromId: id, toId: id }, { token }),
    GetConflict: () => conflicts.getConflict({ id: conflict }, { token }),
    PreviewConflict: () => conflicts.previewConflict({ id: conflict, strategy: ResolutionStrategy.MERGE }, { token }),
    SettleConflict: () =>
      conflicts.settleConflict(
        { id: conflict, etag: '"1"', decision: { case: "strategy", value: ResolutionStrategy.ACCEPT_LOCAL } },
        { token },
      ),
  } satisfies Record<string, () => Promise<unknown>>;
}

type Question = keyof ReturnType<typeof askFor>;
const QUESTIONS: readonly Question[] = [
  "GetEntity",
  "GetEntity with deleted",
  "UpdateEntity",
  "DeleteEntity",
  "RestoreEntity",
  "GetEntityHistory",
  "GetRelationship",
  "UpdateRelationship",
  "DeleteRelationship",
  "RestoreRelationship",
  "GetRelationshipHistory",
  "GetNeighbours",
  "Traverse",
  "GetSubgraph",
  "GetAncestors",
  "GetDescendants",
  "FindSimilarEntities",
  "FindPath",
  "GetConflict",
  "PreviewConflict",
  "SettleConflict",
];

describe("another household's id (I5)", () => {
  it.each(QUESTIONS)("%s answers NOT_FOUND, exactly as for an id that nobody has", async (question) => {
    const taken = { entity: lamp.recordId, edge: edge.recordId, conflict: conflictId };
    const nobodys = { entity: newRecordId(), edge: newRecordId(), conflict: newRecordId() };
    const theirRecord = await readHousehold(system.ground.database, theirs.id);
    const forTheirs = await domainErrorOf(askFor(taken)[question]());
    const forNobodys = await domainErrorOf(askFor(nobodys)[question]());
    expect(forTheirs).toMatchObject({ kind: "not-found", reason: "NOT_FOUND" });
    expect(withoutIds(forTheirs)).toEqual(withoutIds(forNobodys));
    expect(JSON.stringify(forTheirs)).not.toContain(SECRET);
    expect(await readHousehold(system.ground.database, theirs.id)).toEqual(theirRecord);
  });

  it("is missing from batches and connects to nothing", async () => {
    const { entities, relationships } = system.clients;
    const token = ours.tokens.owner;
    const batch = await entities.batchGetEntities({ ids: [lamp.recordId, room.recordId] }, { token });
    expect(batch).toMatchObject({ entities: [], missingIds: [lamp.recordId, room.recordId] });
    const edges = await relationships.batchGetRelationships({ ids: [edge.recordId] }, { token });
    expect(edges).toMatchObject({ relationships: [], missingIds: [edge.recordId] });
    const { entity } = await entities.createEntity({ type: EntityType.DEVICE, bodyJson: "{}" }, { token });
    const across = { type: RelationshipType.LOCATED_IN, fromId: entity?.id ?? "", toId: room.recordId };
    const refused = await domainErrorOf(relationships.createRelationship(across, { token }));
    const nowhere = await domainErrorOf(
      relationships.createRelationship({ ...across, toId: newRecordId() }, { token }),
    );
    expect(withoutIds(refused)).toEqual(withoutIds(nowhere));
  });

  it("is free for the other household to use: ids are each household's own", async () => {
    const pen = new DevicePen("our-phone");
    await using phone = open(ours, "our-phone");
    const { outcomes } = await phone.push([pen.entity({ name: "Our own" }, { id: lamp.recordId })]);
    expect(outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
    const mine = await system.clients.entities.getEntity({ id: lamp.recordId }, { token: ours.tokens.owner });
    const other = await system.clients.entities.getEntity({ id: lamp.recordId }, { token: theirs.tokens.owner });
    expect([mine.entity?.name, other.entity?.name]).toEqual(["Our own", `${SECRET} lamp`]);
  });
});

describe("nothing of another household shows (I5)", () => {
  it("in lists, searches, statistics and conflicts", async () => {
    const household = await system.newHousehold();
    const { entities, relationships, graph, activity, conflicts } = system.clients;
    const token = household.tokens.owner;
    await entities.createEntity({ type: EntityType.NOTE, bodyJson: '{"name":"Ours"}' }, { token });
    const answers = {
      list: await entities.listEntities({ includeTotal: true }, { token }),
      edges: await relationships.listRelationships({ includeTotal: true }, { token }),
      exact: await graph.searchEntities({ query: `${SECRET} lamp` }, { token }),
      fuzzy: await graph.searchEntities({ query: SECRET.replace("t", "d") }, { token }),
      activity: await activity.listActivity({}, { token }),
      differences: await graph.diffGraph({ since: { seconds: 0n, nanos: 0 } }, { token }),
      statistics: await graph.getStatistics({}, { token }),
      integrity: await graph.checkIntegrity({}, { token }),
      conflicts: await conflicts.listConflicts({}, { token }),
    };
    expect(answers.list).toMatchObject({ entities: [{ name: "Ours" }], total: 1n });
    expect(answers.edges).toMatchObject({ relationships: [], total: 0n });
    expect(answers.exact.hits).toEqual([]);
    expect(answers.fuzzy.hits).toEqual([]);
    expect(answers.activity.calls).toMatchObject([{ changes: [{ name: "Ours" }] }]);
    expect(answers.differences.differences).toMatchObject([{ entityAfter: { name: "Ours" } }]);
    expect(answers.statistics).toMatchObject({
      relationships: [],
      deletedRecords: 0n,
      versions: 1n,
      openConflicts: 0n,
    });
    expect(answers.integrity).toMatchObject({ faults: [], checkedRecords: 1n });
    expect(answers.conflicts.conflicts).toEqual([]);
    // The neighbours do find it, or this test would show nothing.
    const found = await graph.searchEntities({ query: SECRET }, { token: theirs.tokens.owner });
    expect(found.hits.map(({ entity }) => entity?.name).sort()).toEqual([`${SECRET} lamp`, `${SECRET} room`]);
  });

  it("in pulls, live frames, device lists and clocks, while the neighbours are busy", async () => {
    const household = await system.newHousehold();
    await using phone = open(household, "phone");
    await phone.upToDate();
    await using neighbour = open(theirs, "busy-phone");
    const pen = new DevicePen("busy-phone");
    for (let round = 0; round < 5; round++) await neighbour.push([pen.entity({ name: `${SECRET} ${round}` })]);
    // A change of our own, after theirs, shows that frames still come.
    const own = new DevicePen("phone").entity({ name: "Ours" });
    await phone.push([own]);
    await phone.upToDate(1n);
    expect([...phone.heads.keys()]).toEqual([own.recordId]);
    expect(phone.frames.map(({ householdId }) => householdId)).toEqual(phone.frames.map(() => household.id));
    const told = phone.frames.map(({ frame }) => JSON.stringify(frame, (_key, value) => readable(value))).join();
    expect(told).not.toContain(SECRET);
    expect(told).not.toContain("busy-phone");
    const { devices } = await system.clients.sync.listDevices({}, { token: household.tokens.owner });
    expect(devices.map(({ deviceId }) => deviceId)).toEqual(["phone"]);
  });

  it("to a token that names another household than the frame", async () => {
    await using stranger = WireDevice.open({
      sync: system.clients.sync,
      token: ours.tokens.owner,
      deviceId: "stranger",
      hello: { householdId: theirs.id },
    });
    expect(await stranger.frame("goAway")).toMatchObject({ reason: GoAwayReason.HOUSEHOLD_CHANGED });
    expect(await stranger.end()).toBeUndefined();
    expect(stranger.heads.size).toBe(0);
    const told = JSON.stringify(stranger.frames, (_key, value) => readable(value));
    expect(told).not.toContain(theirs.id);
  });

  it("by ForgetDevice and RequestSync, which reach the caller's own devices only", async () => {
    await using neighbour = open(theirs, "their-panel");
    await neighbour.upToDate();
    const token = ours.tokens.owner;
    const asked = await system.clients.sync.requestSync({ deviceId: "their-panel" }, { token });
    expect(asked.devicesAsked).toBe(0);
    await system.clients.sync.forgetDevice({ deviceId: "their-panel" }, { token }).catch(() => {});
    await neighbour.push([new DevicePen("their-panel").entity({ name: `${SECRET} again` })]);
    expect(neighbour.frames.some(({ frame }) => frame.case === "syncRequested" || frame.case === "goAway")).toBe(false);
  });
});

describe("a guest", () => {
  it("reads what everybody reads: pulls, lists and searches", async () => {
    await using guest = WireDevice.open({
      sync: system.clients.sync,
      token: theirs.tokens.guest,
      deviceId: "guest-phone",
    });
    const { digest } = await guest.upToDate();
    expect(guest.digest()).toBe(digest);
    expect(guest.heads.get(lamp.recordId)).toBeDefined();
    expect((await guest.welcome()).role).toBe("guest");
    const token = theirs.tokens.guest;
    const { entity } = await system.clients.entities.getEntity({ id: lamp.recordId }, { token });
    expect(entity?.name).toBe(`${SECRET} lamp`);
  });

  it("does not push: the stream ends with READ_ONLY_ROLE and nothing is stored", async () => {
    const before = await readHousehold(system.ground.database, theirs.id);
    await using guest = WireDevice.open({
      sync: system.clients.sync,
      token: theirs.tokens.guest,
      deviceId: "guest-phone",
    });
    await guest.startPush([new DevicePen("guest-phone").entity({ name: "Graffiti" })]);
    expect(await guest.end()).toMatchObject({ kind: "permission-denied", reason: "READ_ONLY_ROLE" });
    expect(await readHousehold(system.ground.database, theirs.id)).toEqual(before);
  });

  it("settles no conflict and sets no policy", async () => {
    const token = theirs.tokens.guest;
    const { conflicts } = system.clients;
    const { conflict } = await conflicts.getConflict({ id: conflictId }, { token });
    const decision = { case: "strategy", value: ResolutionStrategy.ACCEPT_LOCAL } as const;
    const settle = conflicts.settleConflict({ id: conflictId, etag: conflict?.etag ?? "", decision }, { token });
    expect(await domainErrorOf(settle)).toMatchObject({ kind: "permission-denied", reason: "READ_ONLY_ROLE" });
    const policy = { strategy: ResolutionStrategy.MANUAL };
    expect(await domainErrorOf(conflicts.setPolicy({ policy }, { token }))).toMatchObject({
      kind: "permission-denied",
    });
  });
});

/** An error without the ids that it names: what is left must not tell whose they are. */
function withoutIds(error: DomainError) {
  const blank = (text: string) => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "?");
  return { kind: error.kind, reason: error.reason, message: blank(error.message), details: Object.keys(error.details) };
}

function readable(value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
