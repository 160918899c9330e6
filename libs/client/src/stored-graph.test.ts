import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import { formatVersion } from "@funkygibbon/kernel/version";
import type { TextContent } from "@funkygibbon/wire/content";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { GraphView } from "./graph-view.ts";
import { LocalReplica } from "./local-replica.ts";
import { MemoryStore } from "./memory-store.ts";
import { nodeSha256 } from "./node-hashes.ts";
import type { BaseRecord, Edit } from "./replica-record.ts";
import { prepareSearch } from "./search-preparation.ts";
import { SqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";
import { sampleBatch, sampleEdit, sampleId, sampleMeta, sampleRecord } from "./testing/sample-replica.ts";

const DEVICE = parseDeviceId("ada-phone-1");
const IDS = 8;
const TYPES: readonly EntityType[] = ["room", "device"];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stored-graph-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What a record says: an edge between any two ids, also unknown ones, edges and itself, or an entity. */
const said = fc.record({
  at: fc.nat(IDS - 1),
  content: fc.oneof(
    fc.constantFrom(...TYPES).map((type) => ({ kind: "entity" as const, type })),
    fc.tuple(fc.nat(IDS), fc.nat(IDS)).map(([from, to]) => ({
      kind: "relationship" as const,
      type: "part_of" as const,
      from: sampleId(from),
      to: sampleId(to),
    })),
  ),
  deleted: fc.boolean(),
});
type Said = typeof said extends fc.Arbitrary<infer T> ? T : never;

function contentOf({ content, deleted }: Said, name: string): TextContent {
  return { ...content, source: "manual", bodyJson: deleted ? "" : JSON.stringify({ name }) };
}

function recordOf(one: Said, seq: number): BaseRecord {
  return {
    ...sampleRecord(one.at),
    version: formatVersion(seq * 1_000, DEVICE, seq),
    content: contentOf(one, `Record ${seq}`),
    deleted: one.deleted,
    seq,
  };
}

function editOf(one: Said, sequence: number): Edit {
  const version = formatVersion(sequence * 1_000, DEVICE, sequence);
  return sampleEdit(one.at, { version, sequence, content: contentOf(one, `Edit ${sequence}`), deleted: one.deleted });
}

function open(store: Store): Promise<LocalReplica> {
  return LocalReplica.open({ store, deviceId: DEVICE, sha256: nodeSha256 });
}

/** All that can be asked, each answer in an order of its own. */
function answersOf(replica: LocalReplica) {
  const graph = new GraphView(replica.index);
  const ids = Array.from({ length: IDS + 1 }, (_, n) => sampleId(n));
  const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);
  return {
    ofType: TYPES.map((type) => graph.find({ type })),
    all: graph.find(),
    edges: [...graph.relationships()].sort(byId),
    looseEdges: [...replica.index.edges()].sort(),
    at: ids.map((id) => [...replica.index.edgesAt(id)].sort()),
    neighbours: ids.map((id) =>
      graph
        .neighbours(id)
        .map(({ relationship }) => relationship)
        .sort(byId),
    ),
    standing: ids.map((id) => graph.standing(id)),
    visible: ids.map((id) => replica.visible(id)),
    base: [...replica.baseRecords().values()].sort((a, b) => a.seq - b.seq),
    found: graph.search("record").map(({ entity }) => entity.id),
    digest: replica.digest,
    newestSeq: replica.newestSeq,
  };
}

it("a graph as it was stored answers as one that was read whole, and goes on to while it is edited, pulled and replaced", async () => {
  const change = fc.record({ one: said, how: fc.constantFrom("pulled", "edited", "edit removed", "replaced") });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(said, { selector: ({ at }) => at }),
      fc.array(said, { maxLength: 3 }),
      fc.array(change, { maxLength: 6 }),
      async (stored, edited, changes) => {
        let number = 0;
        const putRecords = stored.map((one) => recordOf(one, ++number));
        const putEdits = edited.map((one) => editOf(one, ++number));
        const batch = sampleBatch({ meta: sampleMeta(), putRecords, putEdits });
        await using memory = new MemoryStore();
        await memory.apply(batch);
        const file = join(folder, `${run++}.db`);
        await using written = SqliteStore.open(file);
        await written.apply(batch);
        const [whole, lazy] = [await open(memory), await open(written)];
        expect(answersOf(lazy)).toEqual(answersOf(whole));
        for (const { one, how } of changes) {
          number += 1;
          for (const replica of [whole, lazy]) {
            await replica.transact("remote", (tx) => {
              if (how === "pulled") tx.putBase(recordOf(one, number));
              else if (how === "edited") tx.putEdit(editOf(one, number));
              else if (how === "replaced") tx.replaceBase(new Map([[sampleId(one.at), recordOf(one, number)]]));
              else for (const edit of tx.editsOf(sampleId(one.at))) tx.removeEdit(edit);
            });
          }
          expect(answersOf(lazy)).toEqual(answersOf(whole));
        }
      },
    ),
    { numRuns: 60 },
  );
});

it.each(["source = 4711", `body = '{"name":'`])(
  "a record that turns out to be damaged (%s) is told of by whatever needs it, each time, and by nothing else",
  async (damage) => {
    const file = join(folder, "damaged.db");
    {
      await using store = SqliteStore.open(file);
      await store.apply(sampleBatch({ meta: sampleMeta(), putRecords: [sampleRecord(0), sampleRecord(1)] }));
    }
    const database = new DatabaseSync(file);
    database.exec(`UPDATE records SET ${damage} WHERE seq = 1`);
    database.close();
    await using store = SqliteStore.open(file);
    const graph = new GraphView((await open(store)).index);
    const waiting: (() => void)[] = [];
    prepareSearch(graph, (work) => waiting.push(work));
    for (let work = waiting.pop(); work !== undefined; work = waiting.pop()) work();
    const damaged = expect.objectContaining({ reason: "STORE_CORRUPT" });
    for (const _ of ["first", "second"]) {
      expect(() => graph.entity(sampleId(0))).toThrow(damaged);
      expect(() => graph.find()).toThrow(damaged);
      expect(() => graph.search("lamp")).toThrow(damaged);
      expect(graph.entity(sampleId(1))?.name).toBe("Lamp 1");
    }
  },
);

it("a record that turns out to be damaged stops a transaction that touches it, before anything of that is durable", async () => {
  const file = join(folder, "damaged.db");
  {
    await using store = SqliteStore.open(file);
    await store.apply(sampleBatch({ meta: sampleMeta(), putRecords: [sampleRecord(0), sampleRecord(1)] }));
  }
  const database = new DatabaseSync(file);
  database.exec("UPDATE records SET source = 4711 WHERE seq = 1");
  database.close();
  await using store = SqliteStore.open(file);
  const replica = await open(store);
  const edited = replica.transact("local", (tx) => {
    for (const n of [1, 0]) tx.putEdit(sampleEdit(n));
  });
  await expect(edited).rejects.toMatchObject({ reason: "STORE_CORRUPT" });
  expect([...replica.edits()]).toEqual([]);
  expect((await store.load()).edits).toEqual([]);
});
