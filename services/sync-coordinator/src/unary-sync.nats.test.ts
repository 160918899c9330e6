import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { HealSchema, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type SyncResponse, SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { connectRedis } from "@funkygibbon/redis/connection";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";
import { STORE_AWAY } from "../test/fake-store.ts";
import { editsOf, pollingDevice } from "../test/polling-device.ts";
import { clockKey } from "./adapters/redis-keys.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const seqsOf = (answer: SyncResponse) =>
  answer.changes.map(({ record }) => Number(record.value?.seq) * (record.case === "own" ? -1 : 1));

describe("unary Sync", () => {
  it("answers first contact with every field that the protocol promises", async () => {
    const device = await pollingDevice(world);
    const answer = await device.sync();
    expect(answer).toMatchObject({
      protocolVersion: "inbetweenies-v1",
      syncStatus: SyncStatus.SUCCESS,
      householdId: device.household,
      headSeq: 0n,
      digest: 0n,
      upToDate: true,
      changes: [],
      outcomes: [],
      conflicts: [],
    });
    expect(answer.epoch).toBe(world.store.home(device.household).epoch);
    expect(answer.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.nextSyncToken).not.toBe("");
    expect(Math.abs(Number(answer.serverTime?.seconds) - Date.now() / 1_000)).toBeLessThan(30);
    expect(answer.rateLimit?.remaining).toBeGreaterThan(0);
    expect(answer.rateLimit?.resetAt).toBeDefined();
    expect(answer.serverCapabilities).toContain("push");
  });

  it("pushes and pulls in one round; its own come back as stamps, others' whole", async () => {
    const device = await pollingDevice(world);
    await device.sync();
    await world.store.write(device.household, randomUUID());
    const changes = editsOf("poller", 2);
    const answer = await device.sync({ changes });
    expect(answer.outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.APPLIED]);
    expect(seqsOf(answer)).toEqual([1, -2, -3]);
    expect(answer).toMatchObject({ headSeq: 3n, upToDate: true, digest: world.store.home(device.household).digest });
    expect(answer.vectorClock.poller).toBe(changes[1]?.version);
    expect(answer.vectorClock.server).toMatch(/-server\.9b7e4d21-000003$/);
    expect(seqsOf(await device.sync())).toEqual([]);
  });

  it("takes heals, which come back whole", async () => {
    const device = await pollingDevice(world, "phone");
    await device.sync();
    const [edit] = editsOf("phone", 1);
    const heal = create(HealSchema, { author: "bob", deviceId: "phone", effectiveUs: 5n });
    const { outcomes, changes } = await device.sync({ changes: [{ ...must(edit, "there is one"), heal }] });
    expect(outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
    expect(changes.map(({ record }) => record.case)).toEqual(["version"]);
  });

  it("pulls by pages to the end", async () => {
    const device = await pollingDevice(world);
    await device.sync();
    await device.sync({ changes: editsOf("poller", 25), skipPull: true });
    const reader = await pollingDevice(world, "reader", { household: device.household });
    const pages = [];
    do pages.push(await reader.sync({ pageSize: 10 }));
    while (pages.at(-1)?.upToDate === false && pages.length < 9);
    expect(pages.map((page) => page.changes.length)).toEqual([10, 10, 5]);
    expect(pages.flatMap(seqsOf)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
  });

  it("asks PostgreSQL nothing when there is nothing new, once its minute has begun", async () => {
    const device = await pollingDevice(world);
    await device.sync({});
    await device.sync({ changes: editsOf("poller", 3) });
    const before = { reads: world.store.reads.length, clocks: world.store.clocksAsked };
    for (let round = 0; round < 20; round += 1) {
      expect(await device.sync()).toMatchObject({ upToDate: true, headSeq: 3n, changes: [] });
    }
    expect({ reads: world.store.reads.length, clocks: world.store.clocksAsked }).toEqual(before);
  });

  it("compares with PostgreSQL once when the minute is over, however many devices ask at once", async () => {
    const first = await pollingDevice(world);
    await first.sync();
    await first.sync({ changes: editsOf("poller", 3) });
    const household = parseHouseholdId(first.household);
    const crowd = await Promise.all(
      Array.from({ length: 20 }, (_, index) => pollingDevice(world, `poller-${index}`, { household: first.household })),
    );
    for (const device of crowd) await device.sync();
    await using redis = await connectRedis({ url: world.redisUrl, log: silentLogger() });
    expect(await redis.client.pttl(clockKey(household))).toBeLessThanOrEqual(60_000);
    await redis.client.del(clockKey(household));
    const before = { reads: world.store.reads.length, clocks: world.store.clocksAsked };
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all(crowd.map((device) => device.sync()));
      expect(answers.every(({ upToDate, headSeq }) => upToDate && headSeq === 3n)).toBe(true);
    }
    expect({ reads: world.store.reads.length, clocks: world.store.clocksAsked }).toEqual({
      reads: before.reads,
      clocks: before.clocks + 1,
    });
  });

  it("serves a household of which thousands of devices have written: the clock informs, and one that is too long says nothing", async () => {
    const device = await pollingDevice(world);
    const { household } = device;
    await device.sync();
    await device.sync({ changes: editsOf("poller", 1) });
    await using redis = await connectRedis({ url: world.redisUrl, log: silentLogger() });
    const tabs = Array.from({ length: 5_000 }, (_, n) => [`d:tab-${n}`, `2026-11-22T09:41:02.581Z-tab-${n}-000001`]);
    await redis.client.hset(clockKey(parseHouseholdId(household)), Object.fromEntries(tabs));
    const newcomer = await pollingDevice(world, "newcomer", { household });
    expect(seqsOf(await newcomer.sync())).toEqual([1]);
    expect(Object.keys(newcomer.state.vectorClock).length).toBeGreaterThan(5_000);
    expect(await newcomer.sync()).toMatchObject({ upToDate: true });
  });

  it("sees a write that went past the coordinators, because its event raises the clock", async () => {
    const device = await pollingDevice(world);
    await device.sync();
    await world.store.write(device.household, randomUUID());
    await expect.poll(async () => seqsOf(await device.sync())).toEqual([1]);
  });

  it("says what is wrong with a request, and changes nothing", async () => {
    const device = await pollingDevice(world);
    await device.sync();
    const changes = editsOf("poller", 1);
    const refusals: [object, object][] = [
      [
        { protocolVersion: "v0" },
        { kind: "invalid", reason: "PROTOCOL_VERSION", fields: [{ field: "protocol_version" }] },
      ],
      [{ deviceId: "server" }, { kind: "invalid", reason: "RESERVED_DEVICE" }],
      [{ userId: "eve" }, { kind: "permission-denied", reason: "USER_MISMATCH" }],
      [{ sessionId: "mine" }, { kind: "invalid", fields: [{ field: "session_id" }] }],
      [{ sessionId: "ffffffff-ffff-7fff-bfff-ffffffffffff" }, { kind: "invalid", fields: [{ field: "session_id" }] }],
      [{ pageSize: 1_001 }, { kind: "invalid", fields: [{ field: "page_size" }] }],
      [{ changes: editsOf("poller", 1_001) }, { kind: "invalid", reason: "TOO_MANY_CHANGES" }],
      [
        { changes, epoch: "", nextSyncToken: "" },
        { kind: "invalid", fields: [{ field: "epoch" }] },
      ],
      [
        { changes, householdId: "", nextSyncToken: "" },
        { kind: "invalid", fields: [{ field: "household_id" }] },
      ],
      [{ householdId: "somebody-elses" }, { kind: "failed-precondition", reason: "HOUSEHOLD_CHANGED" }],
      [{ epoch: randomUUID() }, { kind: "failed-precondition", reason: "EPOCH_CHANGED" }],
    ];
    for (const [request, error] of refusals) {
      await expect(device.sync(request), JSON.stringify(error)).rejects.toMatchObject(error);
    }
    expect(world.store.home(device.household).log).toEqual([]);
  });

  it("lets a guest pull and not push", async () => {
    const device = await pollingDevice(world);
    await device.sync({});
    await device.sync({ changes: editsOf("poller", 1) });
    const guest = await pollingDevice(world, "tv", { household: device.household, user: "gus", role: "guest" });
    expect(seqsOf(await guest.sync())).toEqual([1]);
    await expect(guest.sync({ changes: editsOf("tv", 1) })).rejects.toMatchObject({
      kind: "permission-denied",
      reason: "READ_ONLY_ROLE",
    });
  });

  it("keeps a device to the user who first used it", async () => {
    const device = await pollingDevice(world);
    await device.sync();
    const thief = await pollingDevice(world, "poller", { household: device.household, user: "eve" });
    await expect(thief.sync()).rejects.toMatchObject({ kind: "permission-denied" });
    expect(await device.sync()).toMatchObject({ upToDate: true });
  });

  it("fails as a whole, retryably, while the store is away", async () => {
    const device = await pollingDevice(world);
    await device.sync();
    world.store.beforeCommit = () => Promise.reject(STORE_AWAY);
    const changes = editsOf("poller", 1);
    await expect(device.sync({ changes })).rejects.toMatchObject({ kind: "unavailable" });
    world.store.beforeCommit = async () => {};
    expect((await device.sync({ changes })).outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
  });

  it("refuses more requests than a second allows", async () => {
    const tight = await world.replica({ DEVICE_REQUESTS_PER_SECOND: "20" });
    const token = await world.token({ household: `home-${randomUUID()}` });
    const request = { protocolVersion: "inbetweenies-v1", deviceId: "eager" };
    await tight.client.sync(request, { token });
    let refused: unknown;
    for (let round = 0; round < 100 && refused === undefined; round += 1) {
      const calls = Array.from({ length: 40 }, () => tight.client.sync(request, { token }));
      for (const result of await Promise.allSettled(calls)) if (result.status === "rejected") refused = result.reason;
    }
    expect(refused).toMatchObject({ kind: "exhausted", reason: "RATE_LIMITED" });
    expect((refused as { retryAfterMs?: number }).retryAfterMs).toBeGreaterThan(0);
  });
});
