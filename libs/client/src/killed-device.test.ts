import { expect, it } from "vitest";
import { type Client, openClient } from "./client.ts";
import { FrameQueue } from "./frame-queue.ts";
import { MemoryStore } from "./memory-store.ts";
import { nodeSha256 } from "./node-hashes.ts";
import type { Store, StoreBatch, StoredReplica } from "./store.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientOf, within } from "./testing/scenario.ts";
import type { Transport } from "./transport.ts";

/** A process that is killed just before or just after its store has taken a batch; nothing that it does counts from then on. */
class Mortal {
  readonly #deathAt: number;
  readonly #before: boolean;
  readonly #died = Promise.withResolvers<void>();
  #batches = 0;
  #lastBreath: (() => void) | undefined;

  constructor(deathAt: number, before: boolean) {
    this.#deathAt = deathAt;
    this.#before = before;
  }

  get isDead(): boolean {
    return this.#batches >= this.#deathAt;
  }

  /** Resolves at the kill. */
  get died(): Promise<void> {
    return this.#died.promise;
  }

  store(disk: JournaledDisk): Store {
    return {
      load: () => disk.load(),
      apply: async (batch) => {
        if (this.isDead) return forever();
        this.#batches += 1;
        if (!this.isDead) return disk.apply(batch);
        if (!this.#before) await disk.apply(batch);
        this.#lastBreath?.();
        this.#died.resolve();
        return forever();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  /** Its connections end with it, and it opens no others. */
  transport(inner: Transport): Transport {
    return {
      ...inner,
      open: (options) => {
        if (this.isDead) return { frames: new FrameQueue(), send: forever, close: () => {} };
        const session = inner.open(options);
        this.#lastBreath = () => session.close();
        return session;
      },
    };
  }
}

/**
 * What survives the process; tells of records that were stored again although nothing about them was new, and of pages that
 * were stored without their cursor. A replica passes over what it holds, so the first alone would not see the second: a
 * kill between the two has the page pulled and applied once more.
 */
class JournaledDisk implements Store {
  readonly #disk = new MemoryStore();
  readonly #seqs = new Map<string, number>();
  #cursor = "";
  readonly appliedTwice: string[] = [];
  readonly withoutCursor: string[] = [];

  load(): Promise<StoredReplica> {
    return this.#disk.load();
  }

  apply(batch: StoreBatch): Promise<void> {
    const cursor = batch.meta?.cursor ?? this.#cursor;
    if (batch.putRecords.length > 0 && cursor === this.#cursor) {
      this.withoutCursor.push(`${batch.putRecords.length} records after ${cursor}`);
    }
    this.#cursor = cursor;
    if (batch.clearRecords) this.#seqs.clear();
    for (const { record, seq } of batch.putRecords) {
      if (seq <= (this.#seqs.get(record) ?? 0)) this.appliedTwice.push(`${record} at ${seq}`);
      this.#seqs.set(record, seq);
    }
    return this.#disk.apply(batch);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function forever(): Promise<never> {
  return new Promise(() => {});
}

function room(name: string) {
  return { type: "room" as const, body: { name } };
}

/** What the user does; `done` tells of each edit that the device has confirmed to them. */
async function live(client: Client, done: (name: string) => void): Promise<void> {
  const bath = await client.create(room("Bath"));
  done("Bath");
  client.connect();
  await client.until(({ phase }) => phase === "live", within());
  const attic = await client.create(room("Attic"));
  done("Attic");
  await client.settled(within());
  await client.update(bath, { name: "Big bath" });
  done("Big bath");
  await client.remove(attic);
  done("no Attic");
  await client.create(room("Cellar"));
  done("Cellar");
  await client.settled(within());
}

it("I10: a device killed at any write of its store, before or after it, comes back without losing a confirmed edit or applying a page twice", async () => {
  let kills = 0;
  for (const before of [true, false]) {
    for (let deathAt = 1; ; deathAt++) {
      const server = new ModelServer();
      await using ben = await clientOf(server, { deviceId: "ben" });
      for (let index = 0; index < 7; index++) await ben.create(room(`room ${index}`));
      ben.connect();
      await ben.settled(within());

      const disk = new JournaledDisk();
      const mortal = new Mortal(deathAt, before);
      const open = (store: Store, transport: Transport) =>
        openClient({ store, transport, token: () => "token", sha256: nodeSha256, random: () => 0, deviceId: "ada" });
      const confirmed = new Set<string>();
      const life = (async () => {
        const first = await open(mortal.store(disk), mortal.transport(server.transport()));
        await live(first, (name) => confirmed.add(name));
        return first;
      })();
      const survivor = await Promise.race([life, mortal.died]);
      if (survivor !== undefined) {
        await survivor[Symbol.asyncDispose]();
        break;
      }
      kills += 1;

      await using reborn = await open(disk, server.transport());
      reborn.connect();
      await reborn.settled(within());
      await reborn.until(({ upToDateSeq }) => upToDateSeq === server.headSeq, within());
      const names = reborn.graph.rooms().map(({ name }) => name);
      const where = `killed ${before ? "before" : "after"} write ${deathAt}`;
      for (const edit of ["Big bath", "Cellar"]) if (confirmed.has(edit)) expect(names, where).toContain(edit);
      if (confirmed.has("Bath")) expect(names.includes("Bath") || names.includes("Big bath"), where).toBe(true);
      if (confirmed.has("no Attic")) expect(names, where).not.toContain("Attic");
      expect(
        names.filter((name) => name.startsWith("room")),
        where,
      ).toHaveLength(7);
      expect(reborn.digest, where).toBe(server.digest);
      expect(disk.appliedTwice, where).toEqual([]);
      expect(disk.withoutCursor, where).toEqual([]);
      const versions = server.log.map(({ version }) => version);
      expect(new Set(versions).size, where).toBe(versions.length);
    }
  }
  // A life that never writes would prove nothing.
  expect(kills).toBeGreaterThan(20);
});
