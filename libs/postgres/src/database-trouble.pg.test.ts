import { DomainError } from "@funkygibbon/kernel/errors";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Database } from "./database.ts";
import {
  type NotesDatabase,
  notesDatabase,
  READ_NOTES,
  readCounter,
  SET_COUNTER,
  SLEEP,
  statement,
} from "./testing/notes-database.ts";

const ada = parseHouseholdId("ada-home");
const inAda = { households: [ada] };

let notes: NotesDatabase;
let pool: Database;

beforeAll(async () => {
  notes = await notesDatabase();
  pool = notes.pool;
});

afterAll(() => notes[Symbol.asyncDispose]());

beforeEach(() => notes.database.sql("TRUNCATE counters, notes"));

describe("an abort", () => {
  test("interrupts the running statement at once and leaves the pool usable", async () => {
    const single = notes.open({ maxConnections: 1 });
    const attempt = single.inTransaction({ ...inAda, signal: AbortSignal.timeout(100) }, (tx) => tx.query(SLEEP, [60]));
    await expect(attempt).rejects.toMatchObject({ kind: "deadline-exceeded" });
    await single.ping();
    const [running] = await notes.database.sql<{ count: string }>(
      "SELECT count(*)::text AS count FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%' AND datname = current_database()",
    );
    expect(running?.count).toBe("0");
  });

  test("carries the reason of the signal when that is one of ours", async () => {
    const drain = new DomainError("unavailable", "draining", { reason: "DRAINING" });
    const attempt = pool.inTransaction({ ...inAda, signal: AbortSignal.abort(drain) }, (tx) => tx.query(SLEEP, [60]));
    await expect(attempt).rejects.toBe(drain);
  });

  test("while waiting for a connection gives up the place in the queue", async () => {
    const single = notes.open({ maxConnections: 1 });
    const slow = single.inTransaction(inAda, (tx) => tx.query(SLEEP, [0.5]));
    const controller = new AbortController();
    const queued = single.inTransaction({ ...inAda, signal: controller.signal }, (tx) => tx.query(READ_NOTES));
    setTimeout(() => controller.abort(), 50);
    await expect(queued).rejects.toMatchObject({ kind: "cancelled" });
    await slow;
    await single.ping();
  });

  test("between two statements rolls back", async () => {
    const controller = new AbortController();
    const attempt = pool.inTransaction({ ...inAda, signal: controller.signal }, async (tx) => {
      await tx.execute(SET_COUNTER, ["a", 1]);
      controller.abort();
    });
    await expect(attempt).rejects.toMatchObject({ kind: "cancelled" });
    expect(await pool.inTransaction(inAda, (tx) => readCounter(tx, "a"))).toBeUndefined();
  });
});

describe("trouble", () => {
  test("a statement over its time is unavailable, not a hang", async () => {
    const hasty = notes.open({ statementTimeoutMs: 50 });
    await expect(hasty.inTransaction(inAda, (tx) => tx.query(SLEEP, [60]))).rejects.toMatchObject({
      kind: "unavailable",
    });
  });

  test("a lock that is not granted in time is unavailable", async () => {
    const hasty = notes.open({ lockTimeoutMs: 50 });
    await pool.inTransaction(inAda, async (tx) => {
      await tx.execute(SET_COUNTER, ["a", 1]);
      const blocked = hasty.inTransaction(inAda, (other) => other.execute(SET_COUNTER, ["a", 2]));
      await expect(blocked).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 200 });
    });
  });

  test("no server is unavailable within the connection timeout", async () => {
    const nowhere = notes.database.open({ url: "postgres://nobody@127.0.0.1:1/none" });
    await expect(nowhere.ping()).rejects.toMatchObject({ kind: "unavailable" });
    await expect(nowhere.inTransaction(inAda, (tx) => tx.query(READ_NOTES))).rejects.toMatchObject({
      kind: "unavailable",
    });
  });

  test("a transaction whose connection is cut before the commit is run again on another one", async () => {
    let attempts = 0;
    const value = await pool.inTransaction(inAda, async (tx) => {
      attempts += 1;
      const [backend] = await tx.query<{ pid: number }>(statement("SELECT pg_backend_pid() AS pid"));
      if (attempts === 1) await notes.database.sql("SELECT pg_terminate_backend($1)", [backend?.pid]);
      await tx.execute(SET_COUNTER, ["cut", attempts]);
      return readCounter(tx, "cut");
    });
    expect({ value, attempts }).toEqual({ value: 2, attempts: 2 });
  });

  test("a table that changed under a prepared statement is read with a new plan", async () => {
    await notes.database.sql("CREATE TABLE growing (a int)");
    await notes.database.sql(`GRANT SELECT ON growing TO ${notes.role}`);
    const all = statement("SELECT * FROM growing");
    const single = notes.open({ maxConnections: 1 });
    await single.inTransaction(inAda, (tx) => tx.query(all));
    await notes.database.sql("ALTER TABLE growing ADD b int");
    expect(await single.inTransaction(inAda, (tx) => tx.query(all))).toEqual([]);
  });

  test("a new connection is not used before its hook is content", async () => {
    let seen: unknown;
    const curious = notes.open({
      onConnect: async (connection) => {
        seen = await connection.query("SELECT current_user::text AS role");
      },
    });
    await curious.ping();
    expect(seen).toEqual([{ role: notes.role }]);
    const wary = notes.database.open({
      onConnect: async () => {
        throw new DomainError("unavailable", "another timeline", { reason: "TIMELINE" });
      },
    });
    await expect(wary.inTransaction(inAda, (tx) => tx.query(READ_NOTES))).rejects.toMatchObject({ reason: "TIMELINE" });
  });
});
