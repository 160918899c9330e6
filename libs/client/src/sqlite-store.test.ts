import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DomainError } from "@funkygibbon/kernel/errors";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "./memory-store.ts";
import { SqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";
import { contentsOf, sampleBatch, sampleEdit, sampleMeta, sampleRecord } from "./testing/sample-replica.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sqlite-store-"));
  file = join(folder, "home.db");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function reasonOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return error.reason;
    throw error;
  }
  return "none";
}

async function filled(count = 40): Promise<void> {
  await using store = SqliteStore.open(file);
  const putRecords = Array.from({ length: count }, (_, n) => sampleRecord(n));
  await store.apply(sampleBatch({ meta: sampleMeta(), putRecords, putEdits: [sampleEdit(1), sampleEdit(2)] }));
}

describe("a store in a file", () => {
  it("is new at first", async () => {
    await using store = SqliteStore.open(file);
    expect(contentsOf(await store.load())).toEqual({ meta: undefined, records: [], edits: [] });
  });

  it("holds after each batch, opened again, what one in memory holds", async () => {
    const batches = [
      sampleBatch({ meta: sampleMeta() }),
      sampleBatch({ putRecords: Array.from({ length: 40 }, (_, n) => sampleRecord(n)) }),
      sampleBatch({ putEdits: [sampleEdit(1), sampleEdit(2), sampleEdit(3)], meta: sampleMeta({ forked: true }) }),
      sampleBatch({ putRecords: [{ ...sampleRecord(4), seq: 100 }], removeEdits: [sampleEdit(1).version] }),
      sampleBatch({ putEdits: [sampleEdit(2, { state: { kind: "sent" } })] }),
      sampleBatch({ putEdits: [sampleEdit(3)], removeEdits: [sampleEdit(3).version] }),
      sampleBatch({ clearRecords: true, putRecords: [sampleRecord(7), sampleRecord(8)] }),
    ];
    const inMemory = new MemoryStore();
    for (const batch of batches) {
      await inMemory.apply(batch);
      {
        await using store = SqliteStore.open(file);
        await store.apply(batch);
      }
      await using opened = SqliteStore.open(file);
      expect(contentsOf(await opened.load())).toStrictEqual(contentsOf(await inMemory.load()));
    }
  });

  it("gives back long texts, and more of them than it reads at once, as they were", async () => {
    const bodies = ["", "ä", "x".repeat(4_095), "„“".repeat(2_048), "🐒".repeat(16_384)];
    const putRecords = Array.from({ length: 4_100 }, (_, n) =>
      sampleRecord(n, { note: n % 800 < bodies.length ? bodies[n % 800] : "" }),
    );
    await using store = SqliteStore.open(file);
    await store.apply(sampleBatch({ putRecords }));
    expect([...(await store.load()).records]).toStrictEqual(putRecords);
  });

  it("is for its owner alone", async () => {
    await filled();
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it("takes nothing of a batch of which something cannot be written", async () => {
    await filled();
    await using store: Store = SqliteStore.open(file);
    const before = contentsOf(await store.load());
    const broken = { ...sampleRecord(50), seq: Number.NaN };
    const batch = sampleBatch({
      clearRecords: true,
      putEdits: [sampleEdit(9)],
      putRecords: [sampleRecord(49), broken],
    });
    await expect(store.apply(batch)).rejects.toThrow(DomainError);
    expect(contentsOf(await store.load())).toEqual(before);
    await store.apply(sampleBatch({ putRecords: [sampleRecord(49)] }));
    expect([...(await store.load()).records]).toHaveLength(41);
  });
});

describe("a file that", () => {
  it("this process has open already is refused in one sentence", async () => {
    await using _store = SqliteStore.open(file);
    expect(() => SqliteStore.open(file)).toThrow(`the replica ${file} is open already by process ${process.pid}`);
    expect(reasonOf(() => SqliteStore.open(file))).toBe("STORE_IN_USE");
  });

  it("another process has open is refused, until that one has gone", async () => {
    {
      await using _store = SqliteStore.open(file);
      expect(inAnotherProcess(file)).toMatchObject({ reason: "STORE_IN_USE" });
    }
    expect(inAnotherProcess(file)).toMatchObject({ reason: "none" });
  });

  it("is no database is refused, and left as it is", () => {
    writeFileSync(file, "a letter to grandmother ".repeat(500));
    expect(reasonOf(() => SqliteStore.open(file))).toBe("STORE_CORRUPT");
    expect(readFileSync(file, "utf8")).toMatch(/^a letter to grandmother/);
  });

  it("is a database of another program is refused, and left as it is", () => {
    const other = new DatabaseSync(file);
    other.exec("CREATE TABLE recipes (name TEXT)");
    other.close();
    const before = readFileSync(file);
    expect(reasonOf(() => SqliteStore.open(file))).toBe("STORE_CORRUPT");
    expect(readFileSync(file)).toEqual(before);
  });

  it("a newer release has written is refused, and left as it is", async () => {
    await filled();
    const newer = new DatabaseSync(file);
    newer.exec("PRAGMA user_version = 1000");
    newer.close();
    expect(reasonOf(() => SqliteStore.open(file))).toBe("STORE_TOO_NEW");
  });

  it("an older release has written in another form is refused with what to do, and left as it is", async () => {
    await filled();
    const older = new DatabaseSync(file);
    older.exec("ALTER TABLE records DROP COLUMN lost_body");
    older.close();
    expect(() => SqliteStore.open(file)).toThrow(/older release, .*send its edits, then put it aside/);
    expect(reasonOf(() => SqliteStore.open(file))).toBe("STORE_TOO_OLD");
  });

  it("has the tables that its format says: whoever changes them raises the format and brings older files along", async () => {
    await SqliteStore.open(file)[Symbol.asyncDispose]();
    const database = new DatabaseSync(file);
    const [format, ...tables] = [
      database.prepare("PRAGMA user_version").get()?.user_version,
      ...database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").all(),
    ];
    database.close();
    const text = tables.map((table) => JSON.stringify(table)).join("\n");
    expect([format, createHash("sha256").update(text).digest("hex").slice(0, 16)]).toEqual([1, "f7c25cdd651ddc19"]);
  });

  it("was damaged in the middle is reported as damaged, not read as something else", async () => {
    await filled(400);
    const damaged = openSync(file, "r+");
    const size = statSync(file).size;
    writeSync(damaged, Buffer.alloc(8192, 0xff), 0, 8192, Math.floor(size / 2 / 4096) * 4096);
    closeSync(damaged);
    await expect(openAndLoad()).rejects.toMatchObject({ reason: "STORE_CORRUPT" });
  });

  it.each(["type = 4711", "type = 0", "record = 'lamp'", "to_id = NULL"])(
    "has rows that say nothing sensible (%s) is reported as damaged",
    async (damage) => {
      await damaged(damage);
      await expect(openAndLoad()).rejects.toMatchObject({ reason: "STORE_CORRUPT" });
    },
  );

  it.each(["source = 4711", "stamps = '[{'"])(
    "has rows of which only what is read later says nothing sensible (%s) is reported as damaged when it is read",
    async (damage) => {
      await damaged(damage);
      await using store = SqliteStore.open(file);
      const { records } = await store.load();
      expect(reasonOf(() => [...records])).toBe("STORE_CORRUPT");
    },
  );

  it("was moved, deleted or replaced while it was open takes no more, and says so, until it is back", async () => {
    await filled();
    const elsewhere = join(folder, "elsewhere.db");
    await using store = SqliteStore.open(file);
    await store.load();
    const added = () => store.apply(sampleBatch({ putEdits: [sampleEdit(9)] }));
    renameSync(file, elsewhere);
    await expect(added()).rejects.toMatchObject({ reason: "STORE_UNUSABLE" });
    writeFileSync(file, "another");
    await expect(added()).rejects.toThrow(/moved or deleted/);
    rmSync(file);
    renameSync(elsewhere, file);
    await added();
    expect([...(await store.load()).edits]).toHaveLength(3);
  });

  it("is in no folder is reported with what the system says", () => {
    expect(() => SqliteStore.open(join(folder, "nowhere", "home.db"))).toThrow(/ENOENT/);
  });
});

describe.skipIf(!mayMount())("a disk that", () => {
  it("is full refuses the batch as STORE_FULL, keeps all before it, and takes more once there is room", () => {
    const report = onSmallDisk("fill");
    expect(report.reason).toBe("STORE_FULL");
    expect(report.stored).toBeGreaterThan(0);
    expect(report.foundAgain).toBe(report.stored);
    expect(report.afterRoomWasMade).toBe(report.stored + 1);
  });

  it("is read-only is told as such", () => {
    expect(onSmallDisk("read-only").reason).toBe("STORE_READ_ONLY");
  });
});

/** An edge says something else than was written. */
async function damaged(assignment: string): Promise<void> {
  await filled();
  const database = new DatabaseSync(file);
  database.exec(`UPDATE records SET ${assignment} WHERE seq = 3`);
  database.close();
}

async function openAndLoad(): Promise<void> {
  await using store = SqliteStore.open(file);
  await store.load();
}

const SMALL_DISK = new URL("testing/small-disk.ts", import.meta.url).pathname;

function inAnotherProcess(path: string) {
  return reportOf(spawnSync(process.execPath, [SMALL_DISK, "open", path], { encoding: "utf8" }));
}

/** Runs testing/small-disk.ts on a file system of 1 MiB that only its process sees. */
function onSmallDisk(what: "fill" | "read-only") {
  const mounted = `mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" "$3" "$4" "$1/home.db"`;
  const args = ["--mount", "--map-root-user", "sh", "-c", mounted, "sh", folder, process.execPath, SMALL_DISK, what];
  return reportOf(spawnSync("unshare", args, { encoding: "utf8" }));
}

function reportOf(child: { stdout: string; stderr: string }) {
  if (!child.stdout.startsWith("{")) throw new Error(child.stderr);
  return JSON.parse(child.stdout);
}

function mayMount(): boolean {
  const args = ["--mount", "--map-root-user", "mount", "-t", "tmpfs", "tmpfs", tmpdir()];
  return process.platform === "linux" && spawnSync("unshare", args).status === 0;
}
