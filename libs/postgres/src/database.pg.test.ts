import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "@funkygibbon/kernel/errors";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Database } from "./database.ts";
import { isUniqueViolation } from "./postgres-error.ts";
import {
  ADD_NOTE,
  type NotesDatabase,
  notesDatabase,
  READ_NOTES,
  readCounter,
  SET_COUNTER,
  statement,
} from "./testing/notes-database.ts";
import type { Transaction } from "./transaction.ts";

const ada = parseHouseholdId("ada-home");
const bob = parseHouseholdId("bob_home");
const inAda = { households: [ada] };

let notes: NotesDatabase;
let pool: Database;

beforeAll(async () => {
  notes = await notesDatabase();
  pool = notes.pool;
});

afterAll(() => notes[Symbol.asyncDispose]());

beforeEach(() => notes.database.sql("TRUNCATE counters, notes"));

describe("a transaction", () => {
  test("is durable when it has been answered, whatever the database is set to", async () => {
    const { name } = notes.database;
    await notes.database.sql(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    await using own = notes.database.open();
    const setting = statement("SELECT current_setting('synchronous_commit') AS value");
    expect(await own.inTransaction(inAda, (tx) => tx.query(setting))).toEqual([{ value: "on" }]);
    await notes.database.sql(`ALTER DATABASE ${name} RESET synchronous_commit`);
  });

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

  test("that only reads reports an ignored failure too, and statements that nobody waited for", async () => {
    const reading = { ...inAda, readOnly: true };
    const ignored = pool.inTransaction(reading, async (tx) => {
      await tx.query(statement("SELECT 1/0")).catch(() => {});
    });
    await expect(ignored).rejects.toMatchObject({ kind: "internal" });
    const forgotten = pool.inTransaction(reading, async (tx) => {
      tx.query(statement("SELECT 2/0")).catch(() => {});
    });
    await expect(forgotten).rejects.toMatchObject({ kind: "internal" });
  });

  test("that only reads leaves its connection to the next one only after its end", async () => {
    const single = notes.database.open({ maxConnections: 1, settings: { work_mem: "3MB" } });
    const reading = { ...inAda, readOnly: true };
    for (let round = 0; round < 20; round++) {
      const memory = await single.inTransaction(reading, (tx) => tx.query(statement("SHOW work_mem")));
      expect(memory).toEqual([{ work_mem: "3MB" }]);
      await single.inTransaction(inAda, (tx) => tx.execute(SET_COUNTER, ["a", round]));
      expect(await single.inTransaction(reading, (tx) => readCounter(tx, "a"))).toBe(round);
    }
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
    const single = notes.open({ maxConnections: 1 });
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
    const hopeless = notes.open({ backoff: async () => {} });
    const attempt = hopeless.inTransaction(inAda, async (tx) => {
      attempts += 1;
      await tx.query(statement("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = 'serialization_failure'; END $$"));
    });
    await expect(attempt).rejects.toMatchObject({ kind: "unavailable", retryAfterMs: 100 });
    expect(attempts).toBe(5);
  });
});
