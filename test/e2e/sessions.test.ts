import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen, manyEntities } from "../support/device-pen.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { readHousehold } from "../support/household-record.ts";
import { valuesOf, WireDevice, type WireDeviceOptions } from "../support/wire-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

function open(household: TestHousehold, deviceId: string, options: Partial<WireDeviceOptions> = {}): WireDevice {
  return WireDevice.open({ sync: system.clients.sync, token: household.tokens.owner, deviceId, ...options });
}

describe("one session per device", () => {
  it("the newer stream wins; the older one is told and is not asked to come back", async () => {
    const household = await system.newHousehold();
    await using older = open(household, "phone");
    await older.upToDate();
    await using newer = open(household, "phone");
    await newer.upToDate();
    expect(await older.end()).toBeUndefined();
    const farewell = await older.frame("goAway");
    expect(farewell.reason).toBe(GoAwayReason.SUPERSEDED);
    expect(farewell.reconnectAfter).toBeUndefined();
    expect((await newer.push([new DevicePen("phone").entity({ name: "Lamp" })])).headSeq).toBe(1n);
  });

  it("a unary sync wins over a stream, and an older unary session is refused", async () => {
    const household = await system.newHousehold();
    const token = household.tokens.owner;
    const request = { protocolVersion: PROTOCOL_VERSION, deviceId: "phone" };
    const { sessionId } = await system.clients.sync.sync(request, { token });
    await using stream = open(household, "phone");
    await stream.upToDate();
    const error = await domainErrorOf(system.clients.sync.sync({ ...request, sessionId }, { token }));
    expect(error).toMatchObject({ kind: "failed-precondition", reason: "SESSION_SUPERSEDED" });
    await system.clients.sync.sync(request, { token });
    expect(await stream.frame("goAway")).toMatchObject({ reason: GoAwayReason.SUPERSEDED });
  });

  it("belongs to the user who first used it; another user's is PERMISSION_DENIED until the owner forgets it", async () => {
    const household = await system.newHousehold();
    const { owner, member } = household.tokens;
    await using bens = open(household, "tablet", { token: member });
    await bens.upToDate();
    await using adas = open(household, "tablet", { token: owner });
    expect(await adas.end()).toMatchObject({ kind: "permission-denied", reason: "DEVICE_OF_ANOTHER_USER" });

    const denied = await domainErrorOf(system.clients.sync.forgetDevice({ deviceId: "tablet" }, { token: member }));
    expect(denied).toMatchObject({ kind: "permission-denied", reason: "OWNERS_ONLY" });
    await system.clients.sync.forgetDevice({ deviceId: "tablet" }, { token: owner });
    expect(await bens.frame("goAway")).toMatchObject({ reason: GoAwayReason.FORGOTTEN });
    await using afterwards = open(household, "tablet", { token: owner });
    expect((await afterwards.welcome()).sessionId).not.toBe("");
  });
});

describe("clones", () => {
  it("are told that they are forked when they present a session key that is not of the last two", async () => {
    const household = await system.newHousehold();
    const first = open(household, "phone");
    const { sessionKey: copied } = await first.welcome();
    await first[Symbol.asyncDispose]();
    let sessionKey = copied;
    for (let round = 0; round < 2; round++) {
      await using next = open(household, "phone", { hello: { sessionKey } });
      const welcome = await next.welcome();
      expect(welcome.forked).toBe(false);
      sessionKey = welcome.sessionKey;
    }
    await using clone = open(household, "phone", { hello: { sessionKey: copied } });
    expect((await clone.welcome()).forked).toBe(true);
  });

  it("learn the highest sequence of their id, so that a device without memory counts on from there", async () => {
    const household = await system.newHousehold();
    await using phone = open(household, "phone");
    await phone.push(manyEntities(new DevicePen("phone"), 7));
    await using reborn = open(household, "phone");
    expect((await reborn.welcome()).highestSequence).toBe(7n);
  });
});

describe("tokens of a stream", () => {
  it("end it when they expire, with the advice to come back with a fresh one", async () => {
    const household = await system.newHousehold();
    await using phone = open(household, "phone", { token: await household.mint({ ttlSeconds: 2 }) });
    await phone.upToDate();
    const farewell = await phone.frame("goAway");
    expect(farewell.reason).toBe(GoAwayReason.TOKEN_EXPIRED);
    expect(farewell.reconnectAfter).toBeDefined();
  });

  it("may be renewed on the way, and the role is read from the fresh one", async () => {
    const household = await system.newHousehold();
    const pen = new DevicePen("phone");
    await using phone = open(household, "phone", { token: await household.mint({ ttlSeconds: 2 }) });
    await phone.upToDate();
    phone.send({ case: "token", value: { token: await household.mint() } });
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect((await phone.push([pen.entity({ name: "Still writing" })])).outcomes).toMatchObject([
      { outcome: Outcome.APPLIED },
    ]);
    phone.send({ case: "token", value: { token: await household.mint({ role: "guest" }) } });
    const before = await readHousehold(system.ground.database, household.id);
    await phone.startPush([pen.entity({ name: "No longer" })]);
    expect(await phone.end()).toMatchObject({ kind: "permission-denied", reason: "READ_ONLY_ROLE" });
    expect(await readHousehold(system.ground.database, household.id)).toEqual(before);
  });

  it("of another household end it without a word about that one (I5)", async () => {
    const household = await system.newHousehold();
    await using phone = open(household, "phone");
    await phone.upToDate();
    phone.send({ case: "token", value: { token: system.tokens.otherHousehold } });
    expect(await phone.frame("goAway")).toMatchObject({ reason: GoAwayReason.HOUSEHOLD_CHANGED });
  });
});

describe("a device that breaks the rules of the stream", () => {
  it("and never acknowledges gets four frames of changes and no fifth (I12)", async () => {
    const household = await system.newHousehold();
    await using hub = open(household, "hub");
    const pen = new DevicePen("hub");
    // Seventeen of these fill the mebibyte of one page.
    const large = () => pen.entity({ notes: "n".repeat(60 * 1024) }, { type: "note" });
    for (let round = 0; round < 2; round++) await hub.push(Array.from({ length: 50 }, large));
    await using mute = open(household, "mute", { acknowledges: false });
    await expect.poll(() => valuesOf(mute.frames, "changes")).toHaveLength(4);
    mute.send({ case: "ping", value: { nonce: 7n } });
    await mute.frame("pong", ({ nonce }) => nonce === 7n);
    expect(valuesOf(mute.frames, "changes").map(({ frameId }) => frameId)).toEqual([1n, 2n, 3n, 4n]);
    expect(valuesOf(mute.frames, "upToDate")).toEqual([]);

    // One ack for all four gives the whole credit back.
    const { frameId, cursor } = await mute.frame("changes", (page) => page.frameId === 4n);
    mute.send({ case: "ack", value: { frameId, cursor } });
    const { digest } = await mute.upToDate(100n);
    expect(mute.digest()).toBe(digest);
  });

  it.each([
    ["a push before the hello", { case: "push", value: { pushId: 1n } }],
    ["a second hello", { case: "hello", value: { protocolVersion: PROTOCOL_VERSION, deviceId: "phone" } }],
    ["an ack of a frame that was never sent", { case: "ack", value: { frameId: 99n, cursor: "" } }],
    ["an empty frame", { case: undefined }],
  ] as const)("by %s ends with INVALID_ARGUMENT, PROTOCOL_VIOLATION", async (what, frame) => {
    const household = await system.newHousehold();
    if (what === "a push before the hello") {
      const stream = system.clients.sync.syncStream({ token: household.tokens.owner });
      stream.send({ frame }).catch(() => {});
      const reading = (async () => {
        for await (const _ of stream.messages);
      })();
      expect(await domainErrorOf(reading)).toMatchObject({ kind: "invalid", reason: "PROTOCOL_VIOLATION" });
      return;
    }
    await using phone = open(household, "phone");
    await phone.upToDate();
    phone.send(frame);
    expect(await phone.end()).toMatchObject({ kind: "invalid", reason: "PROTOCOL_VIOLATION" });
  });

  it("by the id of the server is refused: reserved ids are ours (server, api, mcp, merge, in any case)", async () => {
    const household = await system.newHousehold();
    for (const deviceId of ["server", "API", "mcp.claude", "Merge.1"]) {
      await using impostor = open(household, deviceId);
      expect(await impostor.end()).toMatchObject({ kind: "invalid", reason: "RESERVED_DEVICE" });
    }
  });
});
