import { randomUUID } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Change, ChangeSchema, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { GoAwayReason, type SyncRequestSchema, SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { BODY_LIMITS, MAX_PUSH_BYTES, PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen, manyEntities, newRecordId } from "../support/device-pen.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { type HouseholdRecord, readHousehold } from "../support/household-record.ts";
import { WireDevice } from "../support/wire-device.ts";

type SyncInit = MessageInitShape<typeof SyncRequestSchema>;

let system: Constellation;
let home: Furnished;
beforeAll(async () => {
  system = await constellation();
  home = await furnished();
  return () => system[Symbol.asyncDispose]();
});

/** A household with a lamp in a kitchen, pushed by `phone`. */
interface Furnished {
  readonly household: TestHousehold;
  readonly pen: DevicePen;
  readonly lamp: Change;
  readonly kitchen: Change;
  readonly epoch: string;
  record(): Promise<HouseholdRecord>;
}

async function furnished(): Promise<Furnished> {
  const household = await system.newHousehold();
  const pen = new DevicePen("phone");
  const lamp = pen.entity({ name: "Lamp" });
  const kitchen = pen.entity({ name: "Kitchen" }, { type: "room" });
  await using phone = WireDevice.open({
    sync: system.clients.sync,
    token: household.tokens.owner,
    deviceId: pen.device,
  });
  const { outcomes } = await phone.push([lamp, kitchen, pen.edge("located_in", lamp.recordId, kitchen.recordId)]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.APPLIED, Outcome.APPLIED]);
  const record = () => readHousehold(system.ground.database, household.id);
  const epoch = (await record()).standing?.epoch ?? "";
  return { household, pen, lamp, kitchen, epoch, record };
}

/** A call that would be fine but for what a test puts in. */
function call({ household, pen, epoch, lamp }: Furnished, overrides: SyncInit = {}): SyncInit {
  return {
    protocolVersion: PROTOCOL_VERSION,
    deviceId: pen.device,
    householdId: household.id,
    epoch,
    changes: [pen.update(lamp, { name: "Bright lamp" })],
    ...overrides,
  };
}

interface BadCall {
  readonly what: string;
  readonly kind: string;
  readonly reason: string;
  readonly fields: readonly string[];
  request?(home: Furnished): SyncInit;
  token?(home: Furnished): Promise<string>;
  /** How a stream is told: by the same status, or by go away. */
  readonly goAway?: GoAwayReason;
}

const BAD_CALLS: readonly BadCall[] = [
  {
    what: "a wrong protocol version",
    kind: "invalid",
    reason: "PROTOCOL_VERSION",
    fields: ["protocol_version"],
    request: () => ({ protocolVersion: "inbetweenies-v2" }),
  },
  {
    what: "1001 changes",
    kind: "invalid",
    reason: "TOO_MANY_CHANGES",
    fields: ["changes"],
    request: ({ pen }) => ({ changes: manyEntities(pen, 1_001) }),
  },
  {
    what: "bodies of more than 4 MiB",
    kind: "invalid",
    reason: "PUSH_TOO_LARGE",
    fields: ["changes"],
    request: ({ pen }) => ({ changes: [...fullPush(pen), pen.entity({ name: "One more" })] }),
  },
  {
    what: "another epoch",
    kind: "failed-precondition",
    reason: "EPOCH_CHANGED",
    fields: [],
    request: () => ({ epoch: "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21" }),
    goAway: GoAwayReason.EPOCH_CHANGED,
  },
  {
    what: "another household",
    kind: "failed-precondition",
    reason: "HOUSEHOLD_CHANGED",
    fields: [],
    request: () => ({ householdId: system.otherHousehold }),
    goAway: GoAwayReason.HOUSEHOLD_CHANGED,
  },
  {
    what: "a guest writing",
    kind: "permission-denied",
    reason: "READ_ONLY_ROLE",
    fields: [],
    token: async ({ household }) => household.mint({ role: "guest" }),
  },
  {
    what: "an expired token",
    kind: "unauthenticated",
    reason: "TOKEN_EXPIRED",
    fields: [],
    token: async ({ household }) => household.mint({ ttlSeconds: -60 }),
  },
  {
    what: "the wrong device",
    kind: "permission-denied",
    reason: "DEVICE_MISMATCH",
    fields: [],
    token: async ({ household }) => household.mint({ deviceId: "another-phone" }),
  },
];

describe.each(BAD_CALLS)("the call fails for $what, and nothing changes", (bad) => {
  it("by unary Sync", async () => {
    const before = await home.record();
    const token = (await bad.token?.(home)) ?? home.household.tokens.owner;
    const error = await domainErrorOf(system.clients.sync.sync(call(home, bad.request?.(home)), { token }));
    expect(error).toMatchObject({ kind: bad.kind, reason: bad.reason });
    expect(error.fields.map(({ field }) => field)).toEqual(bad.fields);
    expect(await home.record()).toEqual(before);
  });

  it("by SyncStream", async () => {
    const before = await home.record();
    const token = (await bad.token?.(home)) ?? home.household.tokens.owner;
    const { protocolVersion, householdId, epoch, changes } = call(home, bad.request?.(home));
    await using device = WireDevice.open({
      sync: system.clients.sync,
      token,
      deviceId: home.pen.device,
      hello: { protocolVersion: protocolVersion ?? "" },
    });
    const pushing = device.startPush(changes?.map((change) => create(ChangeSchema, change)) ?? [], {
      household: householdId ?? "",
      epoch: epoch ?? "",
    });
    pushing.catch(() => {});
    const error = await device.end();
    if (bad.goAway === undefined) {
      expect(error).toMatchObject({ kind: bad.kind, reason: bad.reason });
      const fields = (await domainErrorOf(Promise.reject(error))).fields.map(({ field }) => field);
      expect(fields.map((field) => field.replace(/^(hello|push)\./, ""))).toEqual(bad.fields);
    } else {
      expect(error).toBeUndefined();
      expect(await device.frame("goAway")).toMatchObject({ reason: bad.goAway });
    }
    expect(device.frames.some(({ frame }) => frame.case === "pushResult")).toBe(false);
    expect(await home.record()).toEqual(before);
  });
});

it.each(["unary Sync", "SyncStream"])("a push with bodies of 4 MiB to the byte is taken, by %s", async (door) => {
  const full = await furnished();
  const before = await full.record();
  const { outcomes } = await pushBy(door, full, fullPush(full.pen));
  expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set([Outcome.APPLIED]));
  expect((await full.record()).versions).toHaveLength(before.versions.length + outcomes.length);
});

/** As much as a push may have: each body, too, as large as it may be. */
function fullPush(pen: DevicePen): Change[] {
  const around = JSON.stringify({ notes: "" }).length;
  const body = { notes: "n".repeat(BODY_LIMITS.maxBytes - around) };
  return Array.from({ length: MAX_PUSH_BYTES / BODY_LIMITS.maxBytes }, () => pen.entity(body));
}

interface BadChange {
  readonly what: string;
  readonly reason: string;
  readonly field: string;
  change(home: Furnished): Change;
}

const BAD_CHANGES: readonly BadChange[] = [
  {
    what: "a malformed version string",
    reason: "MALFORMED_VERSION",
    field: "version",
    change: ({ pen }) => pen.entity({ name: "X" }, { overrides: { version: `yesterday-${pen.device}-000009` } }),
  },
  {
    what: "an oversized body",
    reason: "BODY_TOO_LARGE",
    field: "entity.body_json",
    change: ({ pen }) => pen.entity({ name: "X", notes: "n".repeat(64 * 1024) }),
  },
  {
    what: "an unknown enum",
    reason: "UNKNOWN_TYPE",
    field: "entity.type",
    change: ({ pen }) => {
      const value = { type: 99 as EntityType, bodyJson: "{}" };
      return pen.entity({}, { overrides: { content: { case: "entity", value } } });
    },
  },
  {
    what: "a wish for a strategy that nobody knows",
    reason: "UNKNOWN_STRATEGY",
    field: "wish",
    change: ({ pen, lamp }) => pen.update(lamp, { name: "X" }, { wish: 99 as ResolutionStrategy }),
  },
  {
    what: "a non-UUID id",
    reason: "MALFORMED_ID",
    field: "record_id",
    change: ({ pen }) => pen.entity({ name: "X" }, { id: "lamp-1" }),
  },
  {
    what: "a forbidden edge",
    reason: "FORBIDDEN_ENDPOINTS",
    field: "relationship",
    change: ({ pen, lamp, kitchen }) => pen.edge("located_in", kitchen.recordId, lamp.recordId),
  },
  {
    what: "a version of another device",
    reason: "DEVICE_MISMATCH",
    field: "version",
    change: () => new DevicePen("another-phone").entity({ name: "X" }),
  },
  {
    what: "a body that is no JSON",
    reason: "INVALID_JSON",
    field: "entity.body_json",
    change: ({ pen }) => {
      const value = { type: EntityType.DEVICE, bodyJson: "{name: 1}" };
      return pen.entity({}, { overrides: { content: { case: "entity", value } } });
    },
  },
  {
    what: "a checksum of something else",
    reason: "CHECKSUM_MISMATCH",
    field: "checksum",
    change: ({ pen }) => pen.entity({ name: "X" }, { overrides: { checksum: "00".repeat(32) } }),
  },
];

describe.each(BAD_CHANGES)("one change is REJECTED and the others go on for $what", (bad) => {
  it.each(["unary Sync", "SyncStream"])("by %s", async (door) => {
    const before = await home.record();
    const seq = before.standing?.headSeq ?? 0;
    const wrong = bad.change(home);
    const first = home.pen.entity({ name: "First" });
    const last = home.pen.entity({ name: "Last" });
    const answer = await pushBy(door, home, [first, wrong, last]);
    expect(answer.syncStatus).toBe(SyncStatus.PARTIAL);
    expect(answer.outcomes).toMatchObject([
      { recordId: first.recordId, version: first.version, outcome: Outcome.APPLIED, headSeq: BigInt(seq + 1) },
      {
        recordId: wrong.recordId,
        version: wrong.version,
        outcome: Outcome.REJECTED,
        headSeq: 0n,
        rejection: { reason: bad.reason, field: bad.field, message: expect.stringMatching(/\S/) },
      },
      { recordId: last.recordId, version: last.version, outcome: Outcome.APPLIED, headSeq: BigInt(seq + 2) },
    ]);
    const after = await home.record();
    expect(after.standing).toMatchObject({ epoch: before.standing?.epoch, headSeq: seq + 2 });
    expect(after.versions).toEqual([
      ...before.versions,
      `${seq + 1} 1 ${first.recordId} ${first.version}`,
      `${seq + 2} 1 ${last.recordId} ${last.version}`,
    ]);
    expect(after.conflicts).toEqual([]);
  });
});

async function pushBy(door: string, { household, pen, epoch }: Furnished, changes: Change[]) {
  const token = household.tokens.owner;
  if (door === "unary Sync") {
    const request = { protocolVersion: PROTOCOL_VERSION, deviceId: pen.device, householdId: household.id, epoch };
    return system.clients.sync.sync({ ...request, changes }, { token });
  }
  await using device = WireDevice.open({ sync: system.clients.sync, token, deviceId: pen.device });
  return await device.push(changes);
}

it("another household's id is NOT_FOUND, as is one that nobody has", async () => {
  const token = system.tokens.otherHousehold;
  const { entities } = system.clients;
  const taken = await domainErrorOf(entities.getEntity({ id: home.lamp.recordId }, { token }));
  const nobodys = newRecordId();
  const free = await domainErrorOf(entities.getEntity({ id: nobodys }, { token }));
  expect(taken).toMatchObject({ kind: "not-found", reason: "NOT_FOUND" });
  // Word by word the same, but for the id that the caller knows anyway.
  expect(taken.message.replace(home.lamp.recordId, "?")).toBe(free.message.replace(nobodys, "?"));
});

describe("what EntityService is told wrong", () => {
  it.each([
    { what: "an id that is no UUID", request: { id: "lamp-1" }, fields: ["id"] },
    { what: "no type", request: { type: EntityType.UNSPECIFIED }, fields: ["type"] },
    { what: "an unknown type", request: { type: 99 as EntityType }, fields: ["type"] },
    { what: "a body that is no object", request: { bodyJson: "[]" }, fields: ["body_json"] },
    { what: "an oversized body", request: { bodyJson: `{"a":"${"n".repeat(70_000)}"}` }, fields: ["body_json"] },
  ])("$what: INVALID_ARGUMENT names the field and nothing is stored", async ({ request, fields }) => {
    const before = await home.record();
    const create = { id: randomUUID(), type: EntityType.DEVICE, bodyJson: "{}", ...request };
    const error = await domainErrorOf(
      system.clients.entities.createEntity(create, { token: home.household.tokens.owner }),
    );
    expect(error).toMatchObject({ kind: "invalid" });
    expect(error.fields.map(({ field }) => field)).toEqual(fields);
    expect(await home.record()).toEqual(before);
  });

  it("a guest writing: PERMISSION_DENIED, nothing stored", async () => {
    const before = await home.record();
    const token = home.household.tokens.guest;
    const { entities } = system.clients;
    const attempts = [
      entities.createEntity({ type: EntityType.DEVICE, bodyJson: "{}" }, { token }),
      entities.updateEntity({ id: home.lamp.recordId, etag: "*", bodyJson: "{}" }, { token }),
      entities.deleteEntity({ id: home.lamp.recordId, etag: "*" }, { token }),
    ];
    for (const error of await Promise.all(attempts.map(domainErrorOf))) {
      expect(error).toMatchObject({ kind: "permission-denied", reason: "READ_ONLY_ROLE" });
    }
    expect(await home.record()).toEqual(before);
  });
});
