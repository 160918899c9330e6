import { randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { householdSubject } from "@funkygibbon/events/subjects";
import { ConflictDecision } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { ConflictChangedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";
import { helloOf } from "../test/test-device.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const fresh = () => ({ household: `home-${randomUUID()}` });

/** The store says that a conflict has changed. */
async function changed(household: string, id: string, decision = ConflictDecision.OPEN): Promise<void> {
  const event = create(ConflictChangedSchema, { householdId: household, conflict: { id, decision } });
  await world.events.publish(
    householdSubject(parseHouseholdId(household), "conflict"),
    toBinary(ConflictChangedSchema, event),
  );
}

describe("a conflict that has changed", () => {
  it("is told to every session of its household, on every replica, by stream and by subscription", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims, at: await world.replica() });
    const token = await world.token(claims);
    const subscription = world.coordinator.client.subscribe({ hello: helloOf("browser") }, { token });
    const frames = subscription[Symbol.asyncIterator]();
    const next = async () => (await frames.next()).value?.frame;
    expect((await next())?.case).toBe("welcome");
    expect((await next())?.case).toBe("upToDate");

    await changed(claims.household, "c1");
    const conflict = { id: "c1", decision: ConflictDecision.OPEN };
    for (const device of [phone, panel]) expect(await device.next("conflictChanged")).toMatchObject({ conflict });
    expect(await next()).toMatchObject({ case: "conflictChanged", value: { conflict } });
    await frames.return?.();
  });

  it("is not told to other households", async () => {
    const [ours, theirs] = [fresh(), fresh()];
    const phone = await world.connected("phone", { claims: ours });
    const stranger = await world.connected("phone", { claims: theirs });
    await changed(ours.household, "c1");
    await changed(theirs.household, "c2");
    expect((await stranger.next("conflictChanged")).conflict?.id).toBe("c2");
    expect((await phone.next("conflictChanged")).conflict?.id).toBe("c1");
  });
});
