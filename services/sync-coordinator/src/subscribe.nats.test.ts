import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { GoAwayReason, type SubscribeResponse } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";
import { editsOf, pollingDevice } from "../test/polling-device.ts";
import { helloOf } from "../test/test-device.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const OLDER = "01900000-0000-7000-8000-000000000000";

describe("Subscribe", () => {
  it("pulls the backlog and then live, while pushes go by Sync and acks by Ack, all in one session", async () => {
    const device = await pollingDevice(world, "browser");
    await device.sync({ changes: [] });
    await device.sync({ changes: editsOf("browser", 30) });
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
      const [change] = editsOf("reader", 1);
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
    const device = await pollingDevice(world, "browser");
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
    const device = await pollingDevice(world, "browser");
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
