import { setTimeout as sleep } from "node:timers/promises";
import { openBrowserClient } from "@funkygibbon/client/browser-client";
import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import { expect, it } from "vitest";
import { constellation } from "../support/constellation.ts";
import { untilEqual, within } from "../support/node-device.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

/** A device whose user edits on and on. */
interface BusyDevice {
  readonly client: Client;
  readonly made: RecordId[];
  /** What it would have had to show to its user, or to handle by itself. */
  readonly troubles: string[];
  readonly sessions: { count: number };
  readonly editing: Promise<void>;
}

function busyDevice(client: Client, stop: AbortSignal): BusyDevice {
  const { deviceId } = client;
  const troubles: string[] = [];
  const sessions = { count: 0 };
  let before = client.state.phase;
  client.onState(({ phase, stopReason, pushRefused, digestMismatches, deadLetters }) => {
    if (phase === "connecting" && before !== "connecting") sessions.count += 1;
    before = phase;
    if (stopReason !== undefined || pushRefused !== undefined) troubles.push(`${stopReason ?? pushRefused}`);
    if (digestMismatches + deadLetters > 0)
      troubles.push(`${digestMismatches} mismatches, ${deadLetters} dead letters`);
  });
  client.connect();
  const made: RecordId[] = [];
  const editing = (async () => {
    while (!stop.aborted) {
      const record = await client.create({ type: "device", body: { name: `Made by ${deviceId}`, edits: 1 } });
      made.push(record);
      await sleep(10);
      await client.update(record, { edits: 2 });
      await sleep(10);
    }
  })();
  return { client, made, troubles, sessions, editing };
}

/** Created and updated. */
function isWhole(view: ReturnType<Client["get"]>): boolean {
  return view?.kind === "entity" && view.body.edits === 2;
}

it("two replicas behind one address are replaced one by one under load: nothing is lost, and no client notices more than a reconnect", async () => {
  await using system = await constellation();
  let replicas = [await system.anotherCoordinator(), await system.anotherCoordinator()];
  let turn = 0;
  await using balancer = await TcpProxy.open({
    targets: () => {
      turn += 1;
      const ports = replicas.map(({ url }) => Number(new URL(url).port));
      return [...ports.slice(turn % ports.length), ...ports.slice(0, turn % ports.length)];
    },
  });
  const token = system.tokens.owner;
  const stop = new AbortController();
  const open = (openClient: typeof openNodeClient | typeof openBrowserClient, deviceId: string) =>
    openClient({ url: balancer.url, token: () => token, deviceId });
  const clients = await Promise.all([
    open(openNodeClient, "phone"),
    open(openNodeClient, "hub"),
    open(openBrowserClient, "panel"),
    open(openBrowserClient, "tablet"),
  ]);
  const devices = clients.map((client) => busyDevice(client, stop.signal));
  const live = (device: BusyDevice) => device.client.until(({ phase }) => phase === "live", within());
  await Promise.all(devices.map(live));

  // A client without streams polls all the while, and does nothing about errors: there must be none.
  await using poller = createRpcClient(SyncService, { url: balancer.url, log: silentLogger(), deadlineMs: 15_000 });
  let polls = 0;
  const polling = (async () => {
    let sessionId = "";
    while (!stop.signal.aborted) {
      const request = { protocolVersion: PROTOCOL_VERSION, deviceId: "poller", sessionId };
      sessionId = (await poller.sync(request, { token })).sessionId;
      polls += 1;
      await sleep(5);
    }
  })();
  polling.catch(() => {});
  /** Resolves when everybody has gone on for a while. */
  const goOn = async () => {
    const enough = devices.map(({ made }) => made.length + 10);
    const enoughPolls = polls + 2;
    const isEnough = () =>
      polls >= enoughPolls && devices.every(({ made }, index) => made.length >= (enough[index] ?? 0));
    await Promise.race([expect.poll(isEnough, { timeout: 20_000 }).toBe(true), polling]);
  };
  await goOn();

  for (const old of [...replicas]) {
    const fresh = await system.anotherCoordinator();
    replicas = [...replicas.filter((replica) => replica !== old), fresh];
    await old.retire();
    await goOn();
  }
  stop.abort();
  await Promise.all(devices.map(({ editing }) => editing));
  await polling;
  await untilEqual(...devices.map(({ client }) => client));

  const made = devices.flatMap((device) => device.made);
  for (const { client, troubles, sessions } of devices) {
    expect(troubles).toEqual([]);
    // Both replicas that were there at its first connection are gone.
    expect(sessions.count).toBeGreaterThanOrEqual(2);
    expect(client.conflicts).toEqual([]);
    expect(made.filter((record) => !isWhole(client.get(record)))).toEqual([]);
  }
  await Promise.all(devices.map(({ client }) => client[Symbol.asyncDispose]()));
}, 90_000);
