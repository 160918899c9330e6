import { randomUUID } from "node:crypto";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld, type RunningCoordinator } from "../test/coordinator-world.ts";
import { helloOf } from "../test/test-device.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const fresh = () => ({ household: `home-${randomUUID()}` });
const WITHOUT_REDIS = { REDIS_URL: "redis://127.0.0.1:9" };

describe("a newer session of the same device", () => {
  it("ends the older one, which is told never to come back by itself", async () => {
    const claims = fresh();
    const older = await world.connected("phone", { claims });
    const newer = await world.connected("phone", { claims });
    const goodBye = await older.next("goAway");
    expect(goodBye.reason).toBe(GoAwayReason.SUPERSEDED);
    expect(goodBye.reconnectAfter).toBeUndefined();
    expect(await older.ended()).toBe("ok");
    expect((await newer.push(newer.edit())).outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
  });

  it("ends the older one on another replica too", async () => {
    const claims = fresh();
    const other = await world.replica();
    const older = await world.connected("phone", { claims });
    await world.connected("phone", { claims, at: other });
    expect((await older.next("goAway")).reason).toBe(GoAwayReason.SUPERSEDED);
  });

  it("ends a stream when it is a unary sync, and a unary session when it is a stream", async () => {
    const claims = fresh();
    const token = await world.token(claims);
    const request = { protocolVersion: "inbetweenies-v1", deviceId: "phone" };
    const stream = await world.connected("phone", { claims });
    const first = await world.coordinator.client.sync(request, { token });
    expect((await stream.next("goAway")).reason).toBe(GoAwayReason.SUPERSEDED);
    await world.coordinator.client.sync({ ...request, sessionId: first.sessionId }, { token });
    await world.connected("phone", { claims });
    await expect(
      world.coordinator.client.sync({ ...request, sessionId: first.sessionId }, { token }),
    ).rejects.toMatchObject({ kind: "failed-precondition", reason: "SESSION_SUPERSEDED" });
  });
});

describe("a hello whose call was given up", () => {
  it("changes nothing when it is read late, so that the device's session key stays good", async () => {
    const claims = fresh();
    // Without Redis every hello asks the store for the clock, which is where the late one is held up.
    const [here, there] = [await world.replica(WITHOUT_REDIS), await world.replica(WITHOUT_REDIS)];
    const helloAt = async (at: RunningCoordinator, sessionKey: Uint8Array = new Uint8Array()) => {
      const phone = await world.device("phone", { claims, at });
      return { phone, welcome: phone.hello({ sessionKey }) };
    };
    const first = await (await helloAt(here)).welcome;
    const { promise: held, resolve: isHeld } = Promise.withResolvers<void>();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    world.store.beforeClocks = () => {
      world.store.beforeClocks = async () => {};
      isHeld();
      return released;
    };
    const late = await helloAt(there, first.sessionKey);
    await held;
    late.welcome.catch(() => {});
    await late.phone[Symbol.asyncDispose]();
    // On the connection of the late call: when this is answered, its end has been heard.
    await there.client.listDevices({}, { token: await world.token(fresh()) });

    const second = await (await helloAt(here, first.sessionKey)).welcome;
    release();
    // Follows the late one on its way to the store.
    await world.connected("panel", { claims, at: there });
    const third = await helloAt(here, second.sessionKey);
    expect((await third.welcome).forked).toBe(false);
  });
});

describe("a token", () => {
  it("ends the stream with it", async () => {
    const phone = await world.connected("phone", { claims: { ...fresh(), ttlSeconds: 2 } });
    const goodBye = await phone.next("goAway");
    expect(goodBye.reason).toBe(GoAwayReason.TOKEN_EXPIRED);
    expect(goodBye.reconnectAfter).toBeDefined();
    expect(await phone.ended()).toBe("ok");
  });

  it("is replaced by a fresh one inside the stream, which decides the role from then on", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims: { ...claims, ttlSeconds: 3 } });
    phone.say({ case: "token", value: { token: await world.token({ ...claims, role: "guest" }) } });
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    expect(phone.end).toBeUndefined();
    phone.sendPush([phone.edit()]);
    expect(await phone.ended()).toMatchObject({ kind: "permission-denied", reason: "READ_ONLY_ROLE" });
  });

  it("of another user or device ends the stream with an error, of another household with a reason", async () => {
    const claims = fresh();
    const end = async (token: string) => {
      const phone = await world.connected("phone", { claims });
      phone.say({ case: "token", value: { token } });
      return phone.ended();
    };
    expect(await end(await world.token({ ...claims, user: "ben" }))).toMatchObject({ reason: "USER_MISMATCH" });
    expect(await end(await world.token({ ...claims, deviceId: "x" }))).toMatchObject({ reason: "DEVICE_MISMATCH" });
    expect(await end("not a token")).toMatchObject({ kind: "unauthenticated" });
    expect(await end(await world.token(fresh()))).toBe("ok");
  });
});

describe("a device that falls silent", () => {
  it("is let go after 45 s, so that a half-open connection holds nothing", async () => {
    const claims = fresh();
    let aheadUs = 0;
    const at = await world.replica({}, { now: () => systemClock.now() + aheadUs });
    const phone = await world.connected("phone", { claims, at });
    const isConnected = async () => {
      const { devices } = await at.client.listDevices({}, { token: await world.token(claims) });
      return devices.map(({ connected }) => connected);
    };
    expect(await isConnected()).toEqual([true]);
    aheadUs = 30_000_000;
    phone.say({ case: "ping", value: { nonce: 1n } });
    for (let pong = await phone.next("pong"); pong.nonce !== 1n; ) pong = await phone.next("pong");
    aheadUs += 30_000_000;
    expect(await isConnected()).toEqual([true]);
    aheadUs += 16_000_000;
    const goodBye = await phone.next("goAway");
    expect(goodBye.reason).toBe(GoAwayReason.SILENT);
    expect(goodBye.reconnectAfter).toBeDefined();
    expect(await phone.ended()).toBe("ok");
    await expect.poll(isConnected).toEqual([false]);
  });
});

describe("who may not", () => {
  it("says no to what breaks the protocol, before anything is stored", async () => {
    const claims = fresh();
    const end = async (say: (phone: Awaited<ReturnType<typeof world.device>>) => void) => {
      const phone = await world.device("phone", { claims });
      say(phone);
      return phone.ended();
    };
    const hello = (value: Parameters<typeof helloOf>[1]) =>
      end((phone) => phone.say({ case: "hello", value: helloOf("phone", value) }));
    expect(await hello({ protocolVersion: "inbetweenies-v2" })).toMatchObject({
      kind: "invalid",
      reason: "PROTOCOL_VERSION",
      fields: [{ field: "hello.protocol_version" }],
    });
    expect(await hello({ deviceId: "merge.x" })).toMatchObject({ reason: "RESERVED_DEVICE" });
    expect(await hello({ deviceId: "no spaces" })).toMatchObject({ kind: "invalid" });
    expect(await hello({ vectorClock: { phone: "yesterday" } })).toMatchObject({ kind: "invalid" });
    expect(await end((phone) => phone.say({ case: "ping", value: {} }))).toMatchObject({
      reason: "PROTOCOL_VIOLATION",
    });
    expect(world.store.homes.has(claims.household)).toBe(false);
  });

  it("ends a stream that breaks the protocol later, and only that one", async () => {
    const claims = fresh();
    const bystander = await world.connected("bystander", { claims });
    const end = async (say: (phone: Awaited<ReturnType<typeof world.connected>>) => void) => {
      const phone = await world.connected("phone", { claims });
      say(phone);
      return phone.ended();
    };
    const violation = { kind: "invalid", reason: "PROTOCOL_VIOLATION" };
    expect(await end((phone) => phone.say({ case: "hello", value: helloOf("phone") }))).toMatchObject(violation);
    expect(
      await end((phone) => phone.say({ case: "ack", value: { frameId: 7n, cursor: phone.cursor } })),
    ).toMatchObject(violation);
    expect(await end((phone) => phone.say({ case: "ack", value: { cursor: "?" } }))).toMatchObject(violation);
    expect(await end((phone) => phone.sendPush(Array.from({ length: 1_001 }, () => phone.edit())))).toMatchObject({
      kind: "invalid",
      reason: "TOO_MANY_CHANGES",
    });
    expect(await end((phone) => phone.sendPush([phone.edit()], { epoch: "" }))).toMatchObject({ kind: "invalid" });
    expect(await bystander.push(bystander.edit())).toMatchObject({ headSeq: 1n });
  });

  it("lets a guest pull and not push, and knows no household for a guest of none", async () => {
    const claims = fresh();
    const early = await world.device("tv", { claims: { ...claims, user: "gus", role: "guest" } });
    early.say({ case: "hello", value: helloOf("tv") });
    expect(await early.ended()).toMatchObject({ kind: "not-found" });

    const phone = await world.connected("phone", { claims });
    await phone.push(phone.edit());
    const guest = await world.connected("tv", { claims: { ...claims, user: "gus", role: "guest" } });
    expect(guest.seqs).toEqual([1]);
    expect(guest.welcome?.role).toBe("guest");
    guest.sendPush([guest.edit()]);
    expect(await guest.ended()).toMatchObject({ kind: "permission-denied" });
    expect(world.store.home(claims.household).log).toHaveLength(1);
  });

  it("lets nobody use another user's device, nor a token of another device", async () => {
    const claims = fresh();
    await world.connected("phone", { claims });
    const thief = await world.device("phone", { claims: { ...claims, user: "eve" } });
    thief.say({ case: "hello", value: helloOf("phone") });
    expect(await thief.ended()).toMatchObject({ kind: "permission-denied", reason: "DEVICE_OF_ANOTHER_USER" });
    const other = await world.device("panel", { claims: { ...claims, deviceId: "phone" } });
    other.say({ case: "hello", value: helloOf("panel") });
    expect(await other.ended()).toMatchObject({ kind: "permission-denied", reason: "DEVICE_MISMATCH" });
  });

  it("turns away more streams than it may serve, and says when to come again", async () => {
    const small = await world.replica({ MAX_STREAMS: "2" });
    const claims = fresh();
    const one = await world.connected("one", { claims, at: small });
    await world.connected("two", { claims, at: small });
    const three = await world.device("three", { claims, at: small });
    three.say({ case: "hello", value: helloOf("three") });
    const turnedAway = await three.ended();
    expect(turnedAway).toMatchObject({ kind: "unavailable", reason: "OVERLOADED" });
    expect((turnedAway as { retryAfterMs?: number }).retryAfterMs).toBeGreaterThan(0);
    one.leave();
    await one.ended();
    await world.connected("four", { claims, at: small });
  });
});

describe("a server that shuts down", () => {
  it("answers what it has begun, says good-bye to each stream, and lets them come back elsewhere", async () => {
    const claims = fresh();
    const leaving = await world.replica();
    const phone = await world.connected("phone", { claims, at: leaving });
    const panel = await world.connected("panel", { claims, at: leaving });
    const { promise: committing, resolve: begun } = Promise.withResolvers<void>();
    world.store.beforeCommit = async () => {
      begun();
      await new Promise((resolve) => setTimeout(resolve, 300));
    };
    phone.sendPush([phone.edit()]);
    await committing;
    const drained = leaving.service.drain();
    expect((await phone.next("pushResult")).outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
    for (const device of [phone, panel]) {
      const goodBye = await device.next("goAway");
      expect(goodBye.reason).toBe(GoAwayReason.DRAIN);
      expect(goodBye.reconnectAfter).toBeDefined();
      expect(await device.ended()).toBe("ok");
    }
    await drained;
    world.store.beforeCommit = async () => {};
    const back = await world.connected("phone", { claims });
    expect(back.seqs).toEqual([1]);
  });
});
