import { randomUUID } from "node:crypto";
import { create, fromBinary } from "@bufbuild/protobuf";
import { householdSubject } from "@funkygibbon/events/subjects";
import { HealSchema, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { PresenceChangedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import {
  GoAwayReason,
  type SubscribeResponse,
  type SyncRequest,
  type SyncResponse,
  SyncStatus,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { connectRedis } from "@funkygibbon/redis/connection";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";
import { STORE_AWAY } from "../test/fake-store.ts";
import { helloOf } from "../test/test-device.ts";
import { clockKey } from "./adapters/redis-keys.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const OLDER = "01900000-0000-7000-8000-000000000000";

/** A poller that keeps what the last answer gave it, as a client without streams does. */
async function poller(deviceId = "poller", claims: Partial<Parameters<typeof world.token>[0]> = {}) {
  const household = claims.household ?? `home-${randomUUID()}`;
  const token = await world.token({ ...claims, household });
  const state = { sessionId: "", nextSyncToken: "", householdId: "", epoch: "", vectorClock: {} };
  return {
    household,
    token,
    state,
    async sync(request: Partial<Omit<SyncRequest, "$typeName" | "$unknown">> = {}) {
      const answer = await world.coordinator.client.sync(
        {
          protocolVersion: "inbetweenies-v1",
          deviceId,
          deviceTimeUs: BigInt(Date.now() * 1_000),
          ...state,
          ...request,
        },
        { token },
      );
      const { sessionId, nextSyncToken, householdId, epoch, vectorClock } = answer;
      Object.assign(state, { sessionId, nextSyncToken, householdId, epoch, vectorClock });
      return answer;
    },
  };
}
const pen = async (name: string) => world.device(`pen-${name}-${randomUUID()}`);
const edits = async (device: string, count: number) => {
  const maker = await pen(device);
  return Array.from({ length: count }, (_, index) => ({
    ...maker.edit(),
    version: `2026-11-22T09:41:02.581Z-${device}-${String(index + 1).padStart(6, "0")}`,
  }));
};
const seqsOf = (answer: SyncResponse) =>
  answer.changes.map(({ record }) => Number(record.value?.seq) * (record.case === "own" ? -1 : 1));

describe("unary Sync", () => {
  it("answers first contact with every field that the protocol promises", async () => {
    const device = await poller();
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
    expect(Math.abs(Number(answer.serverTime?.seconds) - Date.now() / 1_000)).toBeLessThan(5);
    expect(answer.rateLimit?.remaining).toBeGreaterThan(0);
    expect(answer.rateLimit?.resetAt).toBeDefined();
    expect(answer.serverCapabilities).toContain("push");
  });

  it("pushes and pulls in one round; its own come back as stamps, others' whole", async () => {
    const device = await poller();
    await device.sync();
    await world.store.write(device.household, randomUUID());
    const changes = await edits("poller", 2);
    const answer = await device.sync({ changes });
    expect(answer.outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.APPLIED]);
    expect(seqsOf(answer)).toEqual([1, -2, -3]);
    expect(answer).toMatchObject({ headSeq: 3n, upToDate: true, digest: world.store.home(device.household).digest });
    expect(answer.vectorClock.poller).toBe(changes[1]?.version);
    expect(answer.vectorClock.server).toMatch(/-server\.9b7e4d21-000003$/);
    expect(seqsOf(await device.sync())).toEqual([]);
  });

  it("takes heals, which come back whole", async () => {
    const device = await poller("phone");
    await device.sync();
    const [edit] = await edits("phone", 1);
    const heal = create(HealSchema, { author: "bob", deviceId: "phone", effectiveUs: 5n });
    const { outcomes, changes } = await device.sync({ changes: [{ ...must(edit, "there is one"), heal }] });
    expect(outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
    expect(changes.map(({ record }) => record.case)).toEqual(["version"]);
  });

  it("pulls by pages to the end", async () => {
    const device = await poller();
    await device.sync();
    await device.sync({ changes: await edits("poller", 25), skipPull: true });
    const reader = await poller("reader", { household: device.household });
    const pages = [];
    do pages.push(await reader.sync({ pageSize: 10 }));
    while (pages.at(-1)?.upToDate === false && pages.length < 9);
    expect(pages.map((page) => page.changes.length)).toEqual([10, 10, 5]);
    expect(pages.flatMap(seqsOf)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
  });

  it("asks PostgreSQL nothing when there is nothing new, once its minute has begun", async () => {
    const device = await poller();
    await device.sync({});
    await device.sync({ changes: await edits("poller", 3) });
    const before = { reads: world.store.reads.length, clocks: world.store.clocksAsked };
    for (let round = 0; round < 20; round += 1) {
      expect(await device.sync()).toMatchObject({ upToDate: true, headSeq: 3n, changes: [] });
    }
    expect({ reads: world.store.reads.length, clocks: world.store.clocksAsked }).toEqual(before);
  });

  it("compares with PostgreSQL once when the minute is over, however many devices ask at once", async () => {
    const first = await poller();
    await first.sync();
    await first.sync({ changes: await edits("poller", 3) });
    const household = parseHouseholdId(first.household);
    const crowd = await Promise.all(
      Array.from({ length: 20 }, (_, index) => poller(`poller-${index}`, { household: first.household })),
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

  it("sees a write that went past the coordinators, because its event raises the clock", async () => {
    const device = await poller();
    await device.sync();
    await world.store.write(device.household, randomUUID());
    await expect.poll(async () => seqsOf(await device.sync())).toEqual([1]);
  });

  it("says what is wrong with a request, and changes nothing", async () => {
    const device = await poller();
    await device.sync();
    const changes = await edits("poller", 1);
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
      [{ changes: await edits("poller", 1_001) }, { kind: "invalid", reason: "TOO_MANY_CHANGES" }],
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
    const device = await poller();
    await device.sync({});
    await device.sync({ changes: await edits("poller", 1) });
    const guest = await poller("tv", { household: device.household, user: "gus", role: "guest" });
    expect(seqsOf(await guest.sync())).toEqual([1]);
    await expect(guest.sync({ changes: await edits("tv", 1) })).rejects.toMatchObject({
      kind: "permission-denied",
      reason: "READ_ONLY_ROLE",
    });
  });

  it("keeps a device to the user who first used it", async () => {
    const device = await poller();
    await device.sync();
    const thief = await poller("poller", { household: device.household, user: "eve" });
    await expect(thief.sync()).rejects.toMatchObject({ kind: "permission-denied" });
    expect(await device.sync()).toMatchObject({ upToDate: true });
  });

  it("fails as a whole, retryably, while the store is away", async () => {
    const device = await poller();
    await device.sync();
    world.store.beforeCommit = () => Promise.reject(STORE_AWAY);
    const changes = await edits("poller", 1);
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

describe("Subscribe", () => {
  it("pulls the backlog and then live, while pushes go by Sync and acks by Ack, all in one session", async () => {
    const device = await poller("browser");
    await device.sync({ changes: [] });
    await device.sync({ changes: await edits("browser", 30) });
    world.store.pageLimit = 10;
    const controller = new AbortController();
    const { client } = world.coordinator;
    const { token, household } = device;
    const { epoch } = device.state;
    const hello = helloOf("reader");
    const seen: SubscribeResponse["frame"][] = [];
    let session = "";
    for await (const { frame } of client.subscribe({ hello }, { token, signal: controller.signal })) {
      seen.push(frame);
      if (frame.case === "welcome") session = frame.value.sessionId;
      if (frame.case !== "upToDate") continue;
      await client.ack({ sessionId: session, deviceId: "reader", cursor: frame.value.cursor }, { token });
      if (frame.value.headSeq === 31n) break;
      const [change] = await edits("reader", 1);
      const request = { protocolVersion: "inbetweenies-v1", deviceId: "reader", sessionId: session, skipPull: true };
      const changes = change === undefined ? [] : [change];
      const pushed = await client.sync({ ...request, householdId: household, epoch, changes }, { token });
      expect(pushed).toMatchObject({ outcomes: [{ outcome: Outcome.APPLIED }], changes: [], upToDate: false });
    }
    world.store.pageLimit = 1_000;
    expect(seen.map((frame) => frame.case)).toEqual([
      ...["welcome", "changes", "changes", "changes", "upToDate", "changes", "upToDate"],
    ]);
    const records = seen.flatMap((frame) => (frame.case === "changes" ? frame.value.records : []));
    expect(records.map(({ record }) => Number(record.value?.seq))).toEqual(
      Array.from({ length: 31 }, (_, index) => index + 1),
    );
    expect(world.store.devices.get(`${household}/reader`)?.acknowledgedSeq).toBe(31);
  });

  it("sends a device on other ground away, to heal or for good, instead of leaving it without an answer", async () => {
    const device = await poller("browser");
    const { epoch } = await device.sync();
    const goodByesTo = async (hello: Parameters<typeof helloOf>[1]) => {
      const frames: SubscribeResponse[] = [];
      const { token } = device;
      for await (const frame of world.coordinator.client.subscribe({ hello: helloOf("browser", hello) }, { token }))
        frames.push(frame);
      return frames.map(({ epoch: named, frame }) => [
        named,
        frame.case === "goAway" ? frame.value.reason : frame.case,
      ]);
    };
    const { household } = device;
    expect(await goodByesTo({ householdId: household, epoch: OLDER })).toEqual([[epoch, GoAwayReason.EPOCH_CHANGED]]);
    expect(await goodByesTo({ householdId: "elsewhere", epoch })).toEqual([["", GoAwayReason.HOUSEHOLD_CHANGED]]);
  });

  it("takes no ack of a session that is over, nor of what was never given", async () => {
    const device = await poller("browser");
    const { sessionId, nextSyncToken } = await device.sync();
    const { client } = world.coordinator;
    const { token } = device;
    const ack = { sessionId, deviceId: "browser", cursor: nextSyncToken };
    await client.ack(ack, { token });
    await expect(client.ack({ ...ack, cursor: "x" }, { token })).rejects.toMatchObject({ kind: "invalid" });
    await device.sync({ sessionId: "" });
    await expect(client.ack(ack, { token })).rejects.toMatchObject({ reason: "SESSION_SUPERSEDED" });
  });
});

describe("the devices of a household", () => {
  it("are listed with who is connected, since when, and how far behind", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const token = await world.token(claims);
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims });
    await phone.push(phone.edit(), phone.edit());
    await phone.upToDate(2);
    panel.leave();
    await panel.ended();
    const list = async () => (await world.coordinator.client.listDevices({}, { token })).devices;
    await expect
      .poll(async () => (await list()).find(({ deviceId }) => deviceId === "phone")?.lag, { timeout: 5_000 })
      .toBe(0n);
    const [first, second] = await list();
    expect(first).toMatchObject({ deviceId: "panel", userId: "ada", connected: false });
    expect(second).toMatchObject({ deviceId: "phone", userId: "ada", connected: true });
    expect(first?.connectedSince).toBeDefined();
    expect(Math.abs(Number(second?.connectedSince?.seconds) - Date.now() / 1_000)).toBeLessThan(30);
  });

  it("are told of as they come and go, and listed, on whichever replica they are", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const token = await world.token(claims);
    const other = await world.replica();
    const events: (readonly [string, boolean])[] = [];
    const subject = householdSubject(parseHouseholdId(household), "presence");
    const listening = world.events.subscribe(subject, ({ data }) => {
      const event = fromBinary(PresenceChangedSchema, data);
      expect(event).toMatchObject({ householdId: household });
      expect(Math.abs(Number(event.changedUs) / 1_000 - Date.now())).toBeLessThan(30_000);
      events.push([event.deviceId, event.connected]);
    });
    await world.events.ping();
    const here = await world.connected("here", { claims });
    await expect.poll(() => events).toEqual([["here", true]]);
    const there = await world.connected("there", { claims, at: other });
    await expect
      .poll(() => events)
      .toEqual([
        ["here", true],
        ["there", true],
      ]);
    // Both replicas say the same of both.
    for (const at of [world.coordinator, other]) {
      const { devices } = await at.client.listDevices({}, { token });
      expect(devices.map(({ deviceId, connected }) => [deviceId, connected])).toEqual([
        ["here", true],
        ["there", true],
      ]);
    }
    // A newer session of the device, elsewhere, is no good-bye.
    const moved = await world.connected("here", { claims, at: other });
    expect((await here.next("goAway")).reason).toBe(GoAwayReason.SUPERSEDED);
    await expect.poll(() => events.slice(2)).toEqual([["here", true]]);

    // Behind by what it does not acknowledge, and by nothing once it has.
    there.acks = false;
    await moved.push(moved.edit(), moved.edit(), moved.edit());
    await there.next("changes");
    const lagOf = async (device: string) => {
      const { devices } = await world.coordinator.client.listDevices({}, { token });
      return devices.find(({ deviceId }) => deviceId === device)?.lag;
    };
    expect(await lagOf("there")).toBe(3n);
    const { frameId, cursor } = must(there.changes.at(-1), "it has just come");
    there.say({ case: "ack", value: { frameId, cursor } });
    await expect.poll(() => lagOf("there"), { timeout: 5_000 }).toBe(0n);

    there.leave();
    await there.ended();
    await expect.poll(() => events.slice(3)).toEqual([["there", false]]);
    const { devices } = await world.coordinator.client.listDevices({}, { token });
    expect(devices.map(({ deviceId, connected }) => [deviceId, connected])).toEqual([
      ["here", true],
      ["there", false],
    ]);
    await listening[Symbol.asyncDispose]();
  });

  it("are asked to sync on whichever replica they are", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const token = await world.token(claims);
    const other = await world.replica();
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims, at: other });
    const ask = (deviceId: string) =>
      world.coordinator.client.requestSync({ deviceId, reason: "the assistant asks" }, { token });
    expect(await ask("")).toMatchObject({ devicesAsked: 2 });
    for (const device of [phone, panel]) {
      expect(await device.next("syncRequested")).toMatchObject({ reason: "the assistant asks" });
    }
    expect(await ask("panel")).toMatchObject({ devicesAsked: 1 });
    await panel.next("syncRequested");
    expect(await ask("nobody")).toMatchObject({ devicesAsked: 0 });
  });

  it("are forgotten by owners only, wherever they are connected", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const other = await world.replica();
    const phone = await world.connected("phone", { claims, at: other });
    const forget = async (role: "owner" | "member") =>
      world.coordinator.client.forgetDevice({ deviceId: "phone" }, { token: await world.token({ household, role }) });
    await expect(forget("member")).rejects.toMatchObject({ kind: "permission-denied", reason: "OWNERS_ONLY" });
    await forget("owner");
    expect((await phone.next("goAway")).reconnectAfter).toBeUndefined();
    const heir = await world.connected("phone", { claims: { ...claims, user: "ben", role: "member" } });
    expect(heir.welcome?.role).toBe("member");
  });
});
