import { randomUUID } from "node:crypto";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OwnServers, ownServers } from "../../../test/support/own-servers.ts";
import { type CoordinatorWorld, coordinatorWorld, type RunningCoordinator } from "../test/coordinator-world.ts";

let world: CoordinatorWorld;
let servers: OwnServers;
beforeAll(async () => {
  servers = ownServers();
  world = await coordinatorWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

const fresh = () => ({ household: `home-${randomUUID()}` });

/** A day in the life of two devices, whatever is away; ends with both up to date. */
async function twoDevicesMeet(at: RunningCoordinator): Promise<void> {
  const claims = fresh();
  const phone = await world.connected("phone", { claims, at });
  const panel = await world.connected("panel", { claims, at });
  const edit = phone.edit();
  expect((await phone.push(edit)).outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
  await panel.upToDate(1);
  const answer = await panel.push(panel.edit({ recordId: edit.recordId, parentVersions: [edit.version] }));
  expect(answer.outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
  await Promise.all([phone.upToDate(2), panel.upToDate(2)]);
  expect(panel.seqs.map(Math.abs)).toEqual([1, 2]);
  const token = await world.token(claims);
  const request = { protocolVersion: "inbetweenies-v1", deviceId: "poller" };
  expect(await at.client.sync(request, { token })).toMatchObject({ headSeq: 2n, upToDate: true });
}

describe("I8: answers do not depend on Redis or NATS", () => {
  it("without NATS, changes arrive by a look at the log", async () => {
    await twoDevicesMeet(await world.replica({ NATS_URL: "nats://127.0.0.1:9" }));
  });

  it("without Redis, clocks come from PostgreSQL and limits are kept here", async () => {
    await twoDevicesMeet(await world.replica({ REDIS_URL: "redis://127.0.0.1:9" }));
  });

  it("without both", async () => {
    await twoDevicesMeet(await world.replica({ NATS_URL: "nats://127.0.0.1:9", REDIS_URL: "redis://127.0.0.1:9" }));
  });

  it("when events are lost though NATS is there, a hint or a poll finds what they would have told", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims });
    world.store.publishes = false;
    await phone.push(phone.edit());
    await panel.upToDate(1);
    world.store.publishes = true;
  });

  it("when NATS goes and comes back, sessions stay and miss nothing", async () => {
    const nats = await servers.startNats();
    const at = await world.replica({ NATS_URL: nats.url });
    const claims = fresh();
    const phone = await world.connected("phone", { claims, at });
    const panel = await world.connected("panel", { claims, at });
    await nats.stop();
    await phone.push(phone.edit());
    await panel.upToDate(1);
    await servers.startNats(nats.port);
    await phone.push(phone.edit());
    await panel.upToDate(2);
    expect(panel.seqs).toEqual([1, 2]);
    expect([phone.end, panel.end]).toEqual([undefined, undefined]);
  });

  it("when Redis goes and comes back empty, sessions stay, and the clock is rebuilt", async () => {
    const redis = await servers.startRedis();
    const at = await world.replica({ REDIS_URL: redis.url });
    const claims = fresh();
    const phone = await world.connected("phone", { claims, at });
    await phone.push(phone.edit());
    await redis.stop();
    await phone.push(phone.edit());
    await phone.upToDate(2);
    await servers.startRedis(redis.port);
    const token = await world.token(claims);
    const sync = () => at.client.sync({ protocolVersion: "inbetweenies-v1", deviceId: "poller" }, { token });
    expect(await sync()).toMatchObject({ headSeq: 2n, upToDate: true });
    await phone.push(phone.edit());
    expect(await sync()).toMatchObject({ headSeq: 3n, upToDate: true });
    expect(phone.end).toBeUndefined();
  });
});

describe("fan-out", () => {
  it("reads the log at most once for all devices of a household, and not at all when the event bears the change", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const crowd = await Promise.all(
      Array.from({ length: 20 }, (_, index) => world.connected(`wall-${index}`, { claims })),
    );
    const readsOf = () => world.store.reads.filter(({ household }) => household === claims.household).length;
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    const before = readsOf();
    await phone.push(phone.edit());
    await Promise.all(crowd.map((device) => device.upToDate(1)));
    expect(readsOf() - before).toBe(0);
    world.store.inline = false;
    await phone.push(...Array.from({ length: 50 }, () => phone.edit()));
    await Promise.all(crowd.map((device) => device.upToDate(51)));
    world.store.inline = true;
    expect(readsOf() - before).toBe(1);
    for (const device of crowd) expect(device.seqs).toEqual(Array.from({ length: 51 }, (_, index) => index + 1));
  });
});
