import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../test/support/test-database.ts";
import { boolArray, byteaArray, int2Array, int4Array, int8Array, textArray, uuidArray } from "./binary-array.ts";
import type { Database } from "./database.ts";

const inAda = { households: [parseHouseholdId("ada-home")] };

let database: TestDatabase;
let pool: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.open();
});

afterAll(() => database[Symbol.asyncDispose]());

describe("values", () => {
  const one = async <Row>(text: string, values: readonly unknown[] = []) => {
    const [row] = await pool.inTransaction(inAda, (tx) => tx.query<Row>({ name: text.slice(0, 63), text }, values));
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
    const row = await one(
      `SELECT $1::uuid[] AS uuids, $2::text[] AS texts, $3::int8[] AS int8s, $4::int4[] AS int4s, $5::int2[] AS int2s,
         $6::bool[] AS bools, $7::bytea[] AS byteas, $8::text[] AS nothing`,
      [
        uuidArray([uuid, null]),
        textArray(["Küche, {\"'}", "", null]),
        int8Array([-1, 2n, Number.MAX_SAFE_INTEGER, null]),
        int4Array([-2_147_483_648, null]),
        int2Array([32_767]),
        boolArray([true, false, null]),
        byteaArray(["00ff", null]),
        textArray([]),
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
    });
  });
});
