import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { EntityContentSchema, EntityType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { SyncService, SyncStreamRequestSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { Encoded } from "@funkygibbon/rpc/encoded";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { anyPorts } from "../../../deploy/local/ports.ts";
import { ProcessGroup } from "../../../deploy/local/process-group.ts";
import { type ServiceProcess, serviceProcess } from "../../../test/support/service-process.ts";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";
import { helloOf, type TestDevice } from "../test/test-device.ts";

const MIB = 1024 * 1024;
const BODY_BYTES = 60 * 1024;
const RECORDS = 100;
const CROWD = 50;
/** A queue for each device that takes nothing would hold `CROWD * 2` times the six mebibytes of the log. */
const MOST_GROWTH_BYTES = 220 * MIB;

let world: CoordinatorWorld;
let coordinator: ServiceProcess;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  world = opened.use(await coordinatorWorld());
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-crowd-"));
  const group = opened.use(new ProcessGroup({ temporaryFolder: folder }));
  const environment = (_name: string, port: number) => ({
    ...world.environment,
    PORT: String(port),
    FRAME_BUDGET_MIB: "16",
    // So that what is garbage is not counted.
    NODE_OPTIONS: "--max-old-space-size=96",
  });
  coordinator = serviceProcess(
    { group, folder, ground: { environment }, urls: {} },
    "sync-coordinator",
    await anyPorts().next(),
  );
  await coordinator.start();
});
afterAll(() => opened.disposeAsync());

async function rssBytes(): Promise<number> {
  const metrics = await (await fetch(`${coordinator.url}/metrics`)).text();
  return Number(/^process_memory_rss_bytes\S* (\d+)/m.exec(metrics)?.[1]);
}

/** A way to the coordinator; different hosts do not share a connection, and what one does not read stops no other. */
function wayBy(host: "127.0.0.1" | "localhost") {
  const url = coordinator.url.replace("127.0.0.1", host);
  return { client: opened.use(createRpcClient(SyncService, { url, log: silentLogger(), deadlineMs: 15_000 })) };
}

/** Fills a household's log. */
async function largeHome(at: ReturnType<typeof wayBy>) {
  const claims = { household: `home-${randomUUID()}` };
  const writer = await world.connected("writer", { claims, at });
  const value = create(EntityContentSchema, {
    ...{ type: EntityType.NOTE, source: SourceType.MANUAL },
    bodyJson: JSON.stringify({ notes: "n".repeat(BODY_BYTES) }),
  });
  for (let count = 0; count < RECORDS; count += 50) {
    await writer.push(...Array.from({ length: 50 }, () => writer.edit({ content: { case: "entity", value } })));
  }
  writer.leave();
  await writer.ended();
  return claims;
}

it("I12: a crowd that never acknowledges, never reads, floods and sends garbage stays within bounds and harms nobody", async () => {
  const [way, deafWay] = [wayBy("127.0.0.1"), wayBy("localhost")];
  const quiet = { household: `home-${randomUUID()}` };
  const phone = await world.connected("phone", { claims: quiet, at: way });
  const panel = await world.connected("panel", { claims: quiet, at: way });
  const [ofMutes, ofDeaf] = [await largeHome(way), await largeHome(way)];
  world.store.pageLimit = 5;
  const before = await rssBytes();
  // However long the crowd takes to come: who says nothing for a minute is taken for gone.
  const alive = setInterval(() => {
    for (const device of [phone, panel]) device.say({ case: "ping", value: { nonce: 1n } });
  }, 10_000);
  onTestFinished(() => clearInterval(alive));

  // Flooders send push after push and wait for nothing.
  const flooders = await Promise.all(
    Array.from({ length: CROWD }, (_, index) =>
      world.connected(`flooder-${index}`, {
        claims: { household: `home-${index % 5}-${quiet.household}` },
        at: deafWay,
      }),
    ),
  );
  // The deaf say hello and never read what comes.
  const deaf = await Promise.all(
    Array.from({ length: CROWD }, async (_, index) => {
      const stream = deafWay.client.syncStream({ token: await world.token(ofDeaf) });
      stream.send({ frame: { case: "hello", value: helloOf(`deaf-${index}`) } }).catch(() => {});
      return stream;
    }),
  );
  for (const flooder of flooders) for (let count = 0; count < 100; count += 1) flooder.sendPush([flooder.edit()]);
  // The mute never acknowledge.
  const mutes: TestDevice[] = await Promise.all(
    Array.from({ length: CROWD }, async (_, index) => {
      const mute = await world.device(`mute-${index}`, { claims: ofMutes, at: way });
      mute.acks = false;
      await mute.hello();
      return mute;
    }),
  );
  const garbage = Array.from({ length: CROWD }, async (_, index) => {
    const stream = way.client.syncStream({ token: await world.token(quiet) });
    stream.send({ frame: { case: "hello", value: helloOf(`garbler-${index}`) } }).catch(() => {});
    stream.send(new Encoded(SyncStreamRequestSchema, Buffer.alloc(100_000, 0xff))).catch(() => {});
    for await (const _frame of stream.messages);
  });
  for (const outcome of await Promise.allSettled(garbage)) expect(outcome.status).toBe("rejected");
  for (const mute of mutes) for (let frame = 0; frame < 4; frame += 1) await mute.next("changes");

  for (let seq = 1; seq <= 20; seq += 1) {
    expect((await phone.push(phone.edit())).outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
    await panel.upToDate(seq);
  }
  const grownBytes = (await rssBytes()) - before;
  expect(grownBytes).toBeLessThan(MOST_GROWTH_BYTES);
  expect(mutes.map((mute) => mute.changes.length)).toEqual(mutes.map(() => 4));
  expect([phone.end, panel.end]).toEqual([undefined, undefined]);
  for (const stream of deaf) stream.cancel();
}, 120_000);
