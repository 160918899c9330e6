import { systemClock } from "@funkygibbon/kernel/clock";
import type { DeviceId, Epoch, HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import { PostgresDeviceRegistry } from "./postgres-device-registry.ts";

let pg: PgLog;
let registry: PostgresDeviceRegistry;
beforeAll(async () => {
  pg = await PgLog.open();
  registry = new PostgresDeviceRegistry(pg.database, systemClock);
  await pg.epoch("home");
});
afterAll(() => pg[Symbol.asyncDispose]());

const NO_KEY = new Uint8Array(0);

function opening(device: string, changed: Partial<Parameters<PostgresDeviceRegistry["openSession"]>[0]> = {}) {
  return {
    household: "home" as HouseholdId,
    device: device as DeviceId,
    user: "ada" as UserId,
    sessionKey: NO_KEY,
    rotateKey: true,
    clientVersion: "test/1",
    platform: "linux",
    ...changed,
  };
}

describe("a device", () => {
  test("is bound to the user who uses it first", async () => {
    await registry.openSession(opening("bound"));
    await expect(registry.openSession(opening("bound", { user: "bob" as UserId }))).rejects.toMatchObject({
      kind: "permission-denied",
      reason: "DEVICE_OF_ANOTHER_USER",
    });
    await registry.forget({ household: "home" as HouseholdId, device: "bound" as DeviceId });
    expect((await registry.openSession(opening("bound", { user: "bob" as UserId }))).device.user).toBe("bob");
  });

  test("is told from its clone by the last two session keys", async () => {
    const first = await registry.openSession(opening("cloned"));
    expect(first.sessionKey).toHaveLength(32);
    const second = await registry.openSession(opening("cloned", { sessionKey: first.sessionKey }));
    const third = await registry.openSession(opening("cloned", { sessionKey: second.sessionKey }));
    expect(third.forked).toBe(false);
    expect(await registry.openSession(opening("cloned", { sessionKey: first.sessionKey }))).toMatchObject({
      forked: true,
      sessionKey: NO_KEY,
    });
    expect((await registry.openSession(opening("cloned", { sessionKey: third.sessionKey }))).forked).toBe(false);
  });

  test("has no clone after a restore, when nobody's key is known", async () => {
    const { sessionKey } = await registry.openSession(opening("restored"));
    await registry.openSession(opening("restored", { sessionKey }));
    await pg.test.sql("select renew_epochs()");
    const stranger = new Uint8Array(32).fill(7);
    expect((await registry.openSession(opening("restored", { sessionKey: stranger }))).forked).toBe(false);
  });

  test("acknowledges forwards only, within the log's epoch and up to its head", async () => {
    const household = "acked" as HouseholdId;
    const phone = new TestDevice("phone");
    await pg.push(
      [1, 2, 3].map((n) => phone.edit(recordId(n), {})),
      { household },
    );
    const epoch = (await pg.epoch(household)) as Epoch;
    await registry.openSession(opening("phone", { household }));
    const ref = { household, device: "phone" as DeviceId };
    const acknowledged = async () => (await registry.list(household))[0]?.acknowledgedSeq;
    await registry.acknowledge(ref, 2, epoch);
    await registry.acknowledge(ref, 1, epoch);
    expect(await acknowledged()).toBe(2);
    await registry.acknowledge(ref, 99, epoch);
    await registry.acknowledge(ref, 3, "0192f3b0-7c4e-7a10-8f2d-ffffffffffff" as Epoch);
    expect(await acknowledged()).toBe(2);
  });

  test("is listed with its clock, whoever registered it", async () => {
    const household = "listed" as HouseholdId;
    const phone = new TestDevice("phone");
    const edit = phone.edit(recordId(1), {});
    await pg.push([edit], { household });
    await registry.openSession(opening("tablet", { household, clientVersion: "2", platform: "ios" }));
    expect(await registry.list(household)).toMatchObject([
      { device: "phone", user: undefined, highestSequence: 1, newestVersion: edit.version },
      { device: "tablet", user: "ada", highestSequence: 0, newestVersion: undefined, platform: "ios" },
    ]);
  });

  test("that nobody knows cannot be forgotten", async () => {
    const ref = { household: "home" as HouseholdId, device: "nobody" as DeviceId };
    await expect(registry.forget(ref)).rejects.toMatchObject({ kind: "not-found" });
  });
});
