import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "@funkygibbon/kernel/errors";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../test/support/test-database.ts";
import {
  boolArray,
  byteaArray,
  int2Array,
  int4Array,
  int8Array,
  textArray,
  timestamptzArray,
  timestamptzValue,
  uuidArray,
} from "./binary-array.ts";
import type { Database } from "./database.ts";
import { isUniqueViolation } from "./postgres-error.ts";
import type { Statement, Transaction } from "./transaction.ts";

const ada = parseHouseholdId("ada-home");
const bob = parseHouseholdId("bob_home");
const inAda = { households: [ada] };

let database: TestDatabase;
let pool: Database;
let role: string;

beforeAll(async () => {
  database = await createTestDatabase();
  role = `app_${database.name}`;
  await database.sql("CREATE TABLE counters (id text PRIMARY KEY, value int NOT NULL)");
  await database.sql("CREATE TABLE notes (household_id text NOT NULL, body text NOT NULL)");
  await database.sql("ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  await database.sql(`CREATE POLICY of_household ON notes USING (household_id = ANY (
    string_to_array(nullif(current_setting('app.households', true), ''), ',')))`);
  await database.sql(`CREATE ROLE ${role}`);
  await database.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON notes, counters TO ${role}`);
  pool = database.open({ role });
});

afterAll(async () => {
  await pool[Symbol.asyncDispose]();
  await database.sql(`DROP OWNED BY ${role}`);
  await database.sql(`DROP ROLE ${role}`);
  await database[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await database.sql("TRUNCATE counters, notes");
});

const statement = (text: string): Statement => ({ name: `test.${text}`.slice(0, 63), text });
const ADD_NOTE = statement("INSERT INTO notes (household_id, body) VALUES ($1, $2)");
const READ_NOTES = statement("SELECT body FROM notes ORDER BY body");
const SET_COUNTER = statement(
  "INSERT INTO counters VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
);
const READ_COUNTER = statement("SELECT value FROM counters WHERE id = $1");
const SLEEP = statement("SELECT pg_sleep($1)::text");

const readCounter = async (tx: Transaction, id: string) =>
  (await tx.query<{ value: number }>(READ_COUNTER, [id]))[0]?.value;

describe("a transaction", () => {
  test("commits what it did when its function returns", async () => {
    const changed = await pool.inTransaction(inAda, (tx) => tx.execute(SET_COUNTER, ["a", 1]));
    expect(changed).toBe(1);
    expect(await pool.inTransaction(inAda, (tx) => readCounter(tx, "a"))).toBe(1);
  });

  test("leaves nothing when its function throws, and throws the same error", async () => {
    const refusal = new DomainError("stale", "too late", { reason: "STALE" });
    const attempt = pool.inTransaction(inAda, async (tx) => {
      await tx.execute(SET_COUNTER, ["a", 1]);
      throw refusal;
    });
    await expect(attempt).rejects.toBe(refusal);
    expect(await pool.inTransaction(inAda, (tx) => readCounter(tx, "a"))).toBeUndefined();
  });

  test("never reports a commit when a failed statement was ignored", async () => {
    const attempt = pool.inTransaction(inAda, async (tx) => {
      await tx.query(statement("SELECT 1/0")).catch(() => {});
    });
    await expect(attempt).rejects.toMatchObject({ kind: "internal" });
  });

  test("refuses statements after its end", async () => {
    let leaked: Transaction | undefined;
    await pool.inTransaction(inAda, async (tx) => {
      leaked = tx;
    });
    await expect(leaked?.query(READ_NOTES)).rejects.toThrow("after the end of its transaction");
  });

  test("that only reads cannot write", async () => {
    const attempt = pool.inTransaction({ ...inAda, readOnly: true }, (tx) => tx.execute(SET_COUNTER, ["a", 1]));
    await expect(attempt).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("keeps one snapshot with repeatable read", async () => {
    await pool.inTransaction(inAda, (tx) => tx.execute(SET_COUNTER, ["a", 1]));
    const seen = await pool.inTransaction({ ...inAda, isolation: "repeatable read", readOnly: true }, async (tx) => {
      const before = await readCounter(tx, "a");
      await pool.inTransaction(inAda, (other) => other.execute(SET_COUNTER, ["a", 2]));
      return [before, await readCounter(tx, "a")];
    });
    expect(seen).toEqual([1, 1]);
  });

  test("runs statements that are issued together in their order", async () => {
    const values = await pool.inTransaction(inAda, (tx) =>
      Promise.all([
        tx.execute(SET_COUNTER, ["a", 1]),
        readCounter(tx, "a"),
        tx.execute(SET_COUNTER, ["a", 2]),
        readCounter(tx, "a"),
      ]),
    );
    expect(values).toEqual([1, 1, 1, 2]);
  });

  test("names the violated constraint to whoever wants to know", async () => {
    const error = await pool
      .inTransaction(inAda, (tx) => tx.execute(statement("INSERT INTO counters VALUES ('x', 1), ('x', 2)")))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "internal" });
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, "counters_pkey")).toBe(true);
    expect(isUniqueViolation(error, "another")).toBe(false);
  });
});

describe("the scope of a transaction", () => {
  beforeEach(async () => {
    await pool.inTransaction({ households: [ada, bob] }, async (tx) => {
      await tx.execute(ADD_NOTE, [ada, "of ada"]);
      await tx.execute(ADD_NOTE, [bob, "of bob"]);
    });
  });

  const bodies = async (tx: Transaction) => (await tx.query<{ body: string }>(READ_NOTES)).map((row) => row.body);

  test("is its households and nothing else", async () => {
    expect(await pool.inTransaction(inAda, bodies)).toEqual(["of ada"]);
    expect(await pool.inTransaction({ households: [ada, bob] }, bodies)).toEqual(["of ada", "of bob"]);
    await expect(pool.inTransaction(inAda, (tx) => tx.execute(ADD_NOTE, [bob, "smuggled"]))).rejects.toMatchObject({
      kind: "internal",
    });
  });

  test("is nobody with positions only, until a household is named", async () => {
    const seen = await pool.inTransaction({ households: "positions-only" }, async (tx) => {
      const before = await bodies(tx);
      await tx.scopeTo([bob]);
      return { before, after: await bodies(tx) };
    });
    expect(seen).toEqual({ before: [], after: ["of bob"] });
  });

  test("does not outlive the transaction on a pooled connection", async () => {
    const single = database.open({ role, maxConnections: 1 });
    await single.inTransaction(inAda, bodies);
    expect(await single.inTransaction({ households: "positions-only" }, bodies)).toEqual([]);
  });

  test("refuses a household id that was never parsed", async () => {
    const forged = "x', true); DROP TABLE notes; --" as typeof ada;
    await expect(pool.inTransaction({ households: [forged] }, bodies)).rejects.toMatchObject({ kind: "internal" });
    expect(await pool.inTransaction(inAda, bodies)).toEqual(["of ada"]);
  });
});

describe("a lost race", () => {
  test("is run again until it is won", async () => {
    await pool.inTransaction(inAda, (tx) => tx.execute(SET_COUNTER, ["a", 0]));
    const increment = () =>
      pool.inTransaction({ ...inAda, isolation: "serializable" }, async (tx) => {
        const value = (await readCounter(tx, "a")) ?? 0;
        await tx.execute(SET_COUNTER, ["a", value + 1]);
      });
    await Promise.all([increment(), increment(), increment()]);
    expect(await pool.inTransaction(inAda, (tx) => readCounter(tx, "a"))).toBe(3);
  });

  test("of a deadlock is run again too", async () => {
    const lockBoth = (first: string, second: string) =>
      pool.inTransaction(inAda, async (tx) => {
        await tx.execute(SET_COUNTER, [first, 1]);
        await sleep(100);
        await tx.execute(SET_COUNTER, [second, 1]);
      });
    await Promise.all([lockBoth("a", "b"), lockBoth("b", "a")]);
    expect(await pool.inTransaction(inAda, (tx) => readCounter(tx, "b"))).toBe(1);
  });

  test("that is never won ends as unavailable after five attempts", async () => {
    let attempts = 0;
    const hopeless = database.open({ role, backoff: async () => {} });
    const attempt = hopeless.inTransaction(inAda, async (tx) => {
      attempts += 1;
      await tx.query(statement("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = 'serialization_failure'; END $$"));
    });
    await expect(attempt).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 100 });
    expect(attempts).toBe(5);
  });
});

describe("an abort", () => {
  test("interrupts the running statement at once and leaves the pool usable", async () => {
    const single = database.open({ role, maxConnections: 1 });
    const startedAt = performance.now();
    const attempt = single.inTransaction({ ...inAda, signal: AbortSignal.timeout(100) }, (tx) => tx.query(SLEEP, [10]));
    await expect(attempt).rejects.toMatchObject({ kind: "deadline-exceeded" });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await single.ping();
    const [running] = await database.sql<{ count: string }>(
      "SELECT count(*)::text AS count FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%' AND datname = current_database()",
    );
    expect(running?.count).toBe("0");
  });

  test("carries the reason of the signal when that is one of ours", async () => {
    const drain = new DomainError("unavailable", "draining", { reason: "DRAINING" });
    const attempt = pool.inTransaction({ ...inAda, signal: AbortSignal.abort(drain) }, (tx) => tx.query(SLEEP, [10]));
    await expect(attempt).rejects.toBe(drain);
  });

  test("while waiting for a connection gives up the place in the queue", async () => {
    const single = database.open({ role, maxConnections: 1 });
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
    const hasty = database.open({ role, statementTimeoutMs: 50 });
    await expect(hasty.inTransaction(inAda, (tx) => tx.query(SLEEP, [10]))).rejects.toMatchObject({
      kind: "unavailable",
    });
  });

  test("a lock that is not granted in time is unavailable", async () => {
    const hasty = database.open({ role, lockTimeoutMs: 50 });
    await pool.inTransaction(inAda, async (tx) => {
      await tx.execute(SET_COUNTER, ["a", 1]);
      const blocked = hasty.inTransaction(inAda, (other) => other.execute(SET_COUNTER, ["a", 2]));
      await expect(blocked).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 200 });
    });
  });

  test("no server is unavailable within the connection timeout", async () => {
    const nowhere = database.open({ url: "postgres://nobody@127.0.0.1:1/none" });
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
      if (attempts === 1) await database.sql("SELECT pg_terminate_backend($1)", [backend?.pid]);
      await tx.execute(SET_COUNTER, ["cut", attempts]);
      return readCounter(tx, "cut");
    });
    expect({ value, attempts }).toEqual({ value: 2, attempts: 2 });
  });

  test("a table that changed under a prepared statement is read with a new plan", async () => {
    await database.sql("CREATE TABLE growing (a int)");
    await database.sql(`GRANT SELECT ON growing TO ${role}`);
    const all = statement("SELECT * FROM growing");
    const single = database.open({ role, maxConnections: 1 });
    await single.inTransaction(inAda, (tx) => tx.query(all));
    await database.sql("ALTER TABLE growing ADD b int");
    expect(await single.inTransaction(inAda, (tx) => tx.query(all))).toEqual([]);
  });

  test("a new connection is not used before its hook is content", async () => {
    let seen: unknown;
    const curious = database.open({
      role,
      onConnect: async (connection) => {
        seen = await connection.query("SELECT current_user::text AS role");
      },
    });
    await curious.ping();
    expect(seen).toEqual([{ role }]);
    const wary = database.open({
      onConnect: async () => {
        throw new DomainError("unavailable", "another timeline", { reason: "TIMELINE" });
      },
    });
    await expect(wary.inTransaction(inAda, (tx) => tx.query(READ_NOTES))).rejects.toMatchObject({ reason: "TIMELINE" });
  });
});

describe("values", () => {
  const one = async <Row>(text: string, values: readonly unknown[] = []) => {
    const [row] = await pool.inTransaction(inAda, (tx) => tx.query<Row>(statement(text), values));
    return row;
  };

  test("arrive as the types of the domain", async () => {
    const row = await one(`SELECT 9007199254740991::int8 AS n, '{1,NULL}'::int8[] AS ns, '{"a": 1.50}'::jsonb AS j,
      '2026-11-22 10:41:02.581204+01'::timestamptz AS t, '\\xff'::bytea AS b, 1.50::numeric AS d, '2026-11-22'::date AS day`);
    expect(row).toEqual({
      n: 9_007_199_254_740_991,
      ns: [1, null],
      j: '{"a": 1.50}',
      t: Date.UTC(2026, 10, 22, 9, 41, 2, 581) * 1_000 + 204,
      b: Buffer.from([255]),
      d: "1.50",
      day: "2026-11-22",
    });
  });

  test("that would lose precision are refused", async () => {
    await expect(one("SELECT 9007199254740993::int8 AS n")).rejects.toMatchObject({ kind: "internal" });
  });

  test("rows come as arrays when that is asked for", async () => {
    const rows = await pool.inTransaction(inAda, (tx) =>
      tx.query<[number, string]>({ name: "test.arrays", text: "SELECT 1, 'a'", rowMode: "array" }),
    );
    expect(rows).toEqual([[1, "a"]]);
  });

  test("in binary arrays are what the server reads, NULL and emptiness included", async () => {
    const uuid = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";
    const now = Date.UTC(2026, 10, 22) * 1_000 + 7;
    const row = await one(
      `SELECT $1::uuid[] AS uuids, $2::text[] AS texts, $3::int8[] AS int8s, $4::int4[] AS int4s, $5::int2[] AS int2s,
         $6::bool[] AS bools, $7::bytea[] AS byteas, $8::text[] AS nothing, $9::timestamptz[] = ARRAY[$10::timestamptz] AS times,
         $10::timestamptz AS time`,
      [
        uuidArray([uuid, null]),
        textArray(["Küche, {\"'}", "", null]),
        int8Array([-1, 2n, Number.MAX_SAFE_INTEGER, null]),
        int4Array([-2_147_483_648, null]),
        int2Array([32_767]),
        boolArray([true, false, null]),
        byteaArray([new Uint8Array([0, 255]), null]),
        textArray([]),
        timestamptzArray([now]),
        timestamptzValue(now),
      ],
    );
    expect(row).toEqual({
      uuids: [uuid, null],
      texts: ["Küche, {\"'}", "", null],
      int8s: [-1, 2, Number.MAX_SAFE_INTEGER, null],
      int4s: [-2_147_483_648, null],
      int2s: [32_767],
      bools: [true, false, null],
      byteas: [Buffer.from([0, 255]), null],
      nothing: [],
      times: true,
      time: now,
    });
  });
});
