import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { beforeAll, expect, it } from "vitest";
import { anySeed, SeededRandom } from "../faults/seeded-random.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import { untilEqual, untilSettled } from "../support/node-device.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const DEVICES = 10;
/** Half a minute in `npm test`, five in `npm run soak`. */
const SOAK_MS = process.env.SOAK === undefined ? 30_000 : 300_000;
/** Records that all devices edit, each under keys of its own. */
const SHARED_RECORDS = 40;

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** What the devices have been told is kept. */
class Account {
  readonly created = new Set<RecordId>();
  readonly removed = new Set<RecordId>();
  readonly edges = new Map<RecordId, readonly RecordId[]>();
  readonly notes: { readonly record: RecordId; readonly key: string; readonly value: number }[] = [];

  /** What is not as it was promised. */
  missingIn(client: Client): string[] {
    const has = (id: RecordId) => client.get(id) !== undefined;
    const bodies = new Map(client.graph.find().map(({ id, body }) => [id, body]));
    return [
      ...[...this.created].filter((id) => !this.removed.has(id) && !has(id)).map((id) => `${id} is gone`),
      ...[...this.removed].filter(has).map((id) => `${id} is back`),
      ...[...this.edges].filter(([id, ends]) => ends.every(has) && !has(id)).map(([id]) => `edge ${id} is gone`),
      ...this.notes.flatMap(({ record, key, value }) =>
        bodies.get(record)?.[key] === value ? [] : [`${key} of ${record} is not ${value}`],
      ),
    ];
  }
}

/** Edits at random until the time is over; each edit is on the account once the device has confirmed it. */
async function edit(
  client: Client,
  { shared, account, random, untilMs }: { shared: RecordId[]; account: Account; random: SeededRandom; untilMs: number },
): Promise<void> {
  const mine: RecordId[] = [];
  for (let n = 0; performance.now() < untilMs; n++) {
    const old = random.happens(0.1) ? mine.shift() : undefined;
    const target = must(random.pick(shared), "there are shared records");
    if (old !== undefined) {
      await client.remove(old);
      account.removed.add(old);
    } else if (random.happens(0.5) && client.get(target) !== undefined) {
      const note = { record: target, key: `${client.deviceId} ${n}`, value: n };
      await client.update(target, { [note.key]: n, lastBy: client.deviceId });
      account.notes.push(note);
    } else {
      const [room, device, edge] = await client.edit((editor) => {
        const place = editor.create({ type: "room", body: { name: `Room ${n}` } });
        const thing = editor.create({ type: "device", body: { name: `Lamp ${n}` } });
        return [place, thing, editor.relate({ type: "located_in", from: thing, to: place })] as const;
      });
      for (const id of [room, device]) account.created.add(id);
      account.edges.set(edge, [room, device]);
      mine.push(room);
    }
    await sleep(random.between(20, 300));
  }
}

/** Breaks a random part of the connections, in one way or another, again and again. */
async function flap(network: TcpProxy, random: SeededRandom, untilMs: number): Promise<number> {
  let times = 0;
  while (performance.now() < untilMs) {
    await sleep(random.between(100, 1_000));
    const share = () => random.happens(0.4);
    const way = random.pick(["cut", "reset", "halve"] as const) ?? "cut";
    network[way](share);
    times += 1;
  }
  return times;
}

it("ten devices that edit at random while their connections flap end with one digest, and every edit is accounted for", {
  timeout: SOAK_MS + 120_000,
}, async () => {
  const seed = Number(process.env.SEED ?? anySeed());
  const random = new SeededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "soak-"));
  await using opened = new AsyncDisposableStack();
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = Number(new URL(system.urls.syncCoordinator).port);
  const network = opened.use(await TcpProxy.open({ targets: () => [port] }));
  const { tokens } = await system.newHousehold();
  const clients: Client[] = [];
  for (let index = 0; index < DEVICES; index++) {
    const deviceId = `device-${index}`;
    const file = join(folder, `${deviceId}.db`);
    const client = await openNodeClient({ url: network.url, token: () => tokens.owner, deviceId, file });
    clients.push(opened.use(client));
    client.connect();
  }
  const [first] = clients;
  const shared = await must(first, "there are devices").edit((editor) =>
    Array.from({ length: SHARED_RECORDS }, (_, n) => editor.create({ type: "note", body: { name: `Note ${n}` } })),
  );

  const account = new Account();
  const untilMs = performance.now() + SOAK_MS;
  const flapping = flap(network, random.fork("network"), untilMs);
  await Promise.all(
    clients.map((client) => edit(client, { shared, account, random: random.fork(client.deviceId), untilMs })),
  );
  const flaps = await flapping;

  // Those that only fell silent are noticed by themselves after 45 s, which nobody has to wait for here.
  network.reset();
  for (const client of clients) client.retryNow();
  for (const client of clients) await untilSettled(client, 60_000);
  await untilEqual(...clients);
  for (const client of clients) {
    const where = `seed ${seed}: ${client.deviceId}`;
    expect(client.digest, where).toBe(first?.digest);
    expect(client.state, where).toMatchObject({ deadLetters: 0, digestMismatches: 0 });
    expect(account.missingIn(client), where).toEqual([]);
  }
  // A quiet time would prove nothing.
  expect(account.notes.length).toBeGreaterThan(SOAK_MS / 100);
  expect(flaps).toBeGreaterThan(SOAK_MS / 2_000);
});
