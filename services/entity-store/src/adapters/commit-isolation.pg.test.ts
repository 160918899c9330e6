import { systemClock } from "@funkygibbon/kernel/clock";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { declaredStatements, STATEMENT_FILES } from "../../test/declared-statements.ts";
import { PgLog } from "../../test/pg-log.ts";
import { PostgresDeviceRegistry } from "./postgres-device-registry.ts";

/**
 * Every statement of the commit path is caught while it works for one household and then run again, with the very same
 * parameters, in a transaction of another one: row level security alone must keep it from seeing or changing anything.
 */
interface Caught {
  readonly statement: Statement;
  readonly values: readonly unknown[];
}

const MINE = "home-mine" as HouseholdId;
/** Share transactions and lanes with mine. */
const NEIGHBOUR = "home-next" as HouseholdId;
const BUSY = "home-busy" as HouseholdId;
/** As long as the others, so that it fits into their places in an array. */
const NOBODY = "home-none" as HouseholdId;
const THEIRS = "theirs" as HouseholdId;
const caught = new Map<string, Caught>();
/** Statements that found something in the name of their own household: only of those it says anything to find nothing. */
const fruitful = new Set<string>();
let pg: PgLog;

function catching(database: Database): Database {
  const note = (statement: Statement, values: readonly unknown[] = []) => {
    // The later one: it has more to find.
    caught.set(statement.name, { statement, values });
  };
  const wrap = (tx: Transaction): Transaction => ({
    query: async <Row>(statement: Statement, values?: readonly unknown[]) => {
      note(statement, values);
      const rows = await tx.query<Row>(statement, values);
      if (findings(rows).length > 0) fruitful.add(statement.name);
      return rows;
    },
    execute: (statement, values) => {
      note(statement, values);
      return tx.execute(statement, values);
    },
    scopeTo: (households) => tx.scopeTo(households),
  });
  return {
    inTransaction: (options, work) => database.inTransaction(options, (tx) => work(wrap(tx))),
    ping: () => database.ping(),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** Works through everything that the commit path can do. */
async function work(): Promise<void> {
  const own = catching(pg.database);
  const store = pg.replica({ database: own, lanes: 1 });
  const push = (changes: Parameters<PgLog["push"]>[0], options = {}) =>
    store.push(changes, { household: MINE, ...options });
  const phone = new TestDevice("phone");
  const panel = new TestDevice("panel");
  const [box, part, edge] = [recordId(1), recordId(2), recordId(3)];
  const makeBox = phone.edit(box, { a: 1 });
  await pg.test.sql("insert into policies values ($1, 0, 3, '{}', 0, 'ada')", [MINE]);
  await push([makeBox, phone.edit(part, {}), phone.connect(edge, { type: "part_of", from: part, to: box })]);
  await push([panel.edit(box, { a: 2 }, { parents: [makeBox.version] })]);
  const skipped = phone.edit(recordId(5), {});
  const local = phone.edit(box, { a: 3 }, { parents: [makeBox.version] });
  const [divergence] = (await push([local])).divergences;
  if (divergence === undefined) throw new Error("must diverge");
  const resolution = {
    record: divergence.local.record,
    localVersion: divergence.local.version,
    localTimes: divergence.localTimes,
    serverVersion: divergence.server.version,
    decision: { kind: "pending" },
    conflict: undefined,
  } as const;
  const [row] = (await push([local], { resolutions: [resolution] })).conflicts;
  await push([skipped]);
  const decided = {
    kind: "settlement",
    household: MINE,
    user: "ada" as never,
    receivedUs: 0,
    conflictId: row?.id ?? "",
    fields: [],
    origin: { channel: "api", clientName: "test", tool: "", callId: "call-1" },
    dryRun: false,
  } as const;
  const { conflict, head } = await store.log.commit({
    ...decided,
    etag: row?.etag ?? "",
    expectedHead: divergence.server.version,
    decision: "took_local",
    content: { bodyJson: "{}", ends: "local", deleted: false, stamps: [] },
    request: { id: "r-1", fingerprint: "f" },
  });
  await store.log.commit({
    ...decided,
    etag: conflict.etag,
    expectedHead: head?.version,
    decision: "kept_server",
    content: undefined,
    request: undefined,
  });
  const target = { record: box as never, recordKind: "entity", expected: "any" } as const;
  const changed = { household: MINE };
  const crate = phone.edit(recordId(6), {});
  await push([crate, phone.connect(recordId(7), { type: "part_of", from: box, to: recordId(6) })]);
  await push([phone.connect(recordId(8), { type: "part_of", from: recordId(5), to: box })]);
  await push([skipped]);
  await store.api({ ...target, kind: "delete" }, { ...changed, request: { id: "r-2", fingerprint: "f" } });
  await store.api({ ...target, kind: "delete" }, { ...changed, request: { id: "r-2", fingerprint: "f" } });
  await store.api({ ...target, kind: "restore", version: undefined }, changed);

  // New records of two households, which wait together while the one lane is taken: foreseen in one transaction.
  const create = (household: HouseholdId, n: number) => {
    const hub = new TestDevice("hub");
    hub.sequence = n;
    return store.push([hub.edit(recordId(n), {})], { household });
  };
  for (const household of [BUSY, NEIGHBOUR, MINE]) await create(household, 20);
  for (const n of [21, 22]) await Promise.all([BUSY, NEIGHBOUR, MINE].map((household) => create(household, n)));
  await create(MINE, 23);

  const { PostgresLogReads } = await import("./postgres-log-reads.ts");
  const reads = new PostgresLogReads(own);
  const all = { afterSeq: 0, untilSeq: undefined, limit: 10, maxBytes: 1e6, skipTombstonesToSeq: 0 };
  await reads.page({ household: MINE, ...all });
  await reads.clocks(MINE);
  const { PostgresHouseholdFounding } = await import("./postgres-household-founding.ts");
  await new PostgresHouseholdFounding(own, systemClock).found(MINE);
  const devices = new PostgresDeviceRegistry(own, systemClock);
  const ref = { household: MINE, device: "phone" as never };
  const { epoch, headSeq } = await reads.position(MINE);
  const opening = { ...ref, user: "ada" as never, sessionKey: new Uint8Array(), rotateKey: true };
  await devices.openSession({ ...opening, clientVersion: "1", platform: "test" });
  await devices.acknowledge(ref, headSeq, epoch);
  await devices.list(MINE);
  await devices.forget(ref);
}

beforeAll(async () => {
  pg = await PgLog.open();
  await pg.epoch(MINE);
  await pg.epoch(THEIRS);
  await work();
});
afterAll(() => pg[Symbol.asyncDispose]());

async function everything(): Promise<unknown> {
  const tables = [
    "households",
    "record_versions",
    "heads",
    "conflicts",
    "decisions",
    "devices",
    "request_ids",
    "relay_positions",
  ];
  return Promise.all(
    tables.map((table) => pg.test.sql(`select md5(string_agg(t::text, '|' order by t::text)) from ${table} t`)),
  );
}

/** What a statement brought that was somebody's: rows of unnest, which say only what was asked, do not count. */
function findings(rows: readonly unknown[]): unknown[] {
  return rows.filter((row) => {
    if (typeof row !== "object" || row === null || !("lower_us" in row) || !("higher_us" in row)) return true;
    return row.lower_us !== null || row.higher_us !== null;
  });
}

class RolledBack extends Error {}

/** A parameter that names another household, one that nobody has founded. */
function inTheNameOfNobody(value: unknown): unknown {
  if (value === MINE) return NOBODY;
  if (!(value instanceof Buffer)) return value;
  const copy = Buffer.from(value);
  for (const household of [MINE, NEIGHBOUR, BUSY]) {
    for (let at = copy.indexOf(household); at >= 0; at = copy.indexOf(household)) copy.write(NOBODY, at);
  }
  return copy;
}

describe("I5: the statements of the commit path in the name of another household", () => {
  test("are all of them", () => {
    expect([...caught.keys()].sort()).toEqual(declaredStatements(STATEMENT_FILES.commits));
  });

  test("name their household themselves: without row level security another one gets nothing", async () => {
    const superuser = pg.test.open();
    const before = await everything();
    for (const { statement, values } of caught.values()) {
      const asNobody = values.map(inTheNameOfNobody);
      expect(asNobody, statement.name).not.toEqual(values);
      const run = superuser.inTransaction({ households: [] }, async (tx) => {
        expect(findings(await tx.query<object>(statement, asNobody)), statement.name).toEqual([]);
        throw new RolledBack();
      });
      await run.catch((error: unknown) => {
        if (error instanceof RolledBack) return;
        // commit_write finds no such household.
        expect(error, statement.name).toMatchObject({ cause: { code: "FG001" } });
      });
    }
    expect(await everything()).toEqual(before);
  });

  test("see nothing and change nothing", async () => {
    const before = await everything();
    for (const { statement, values } of caught.values()) {
      const run = pg.database.inTransaction({ households: [THEIRS] }, (tx) => tx.query<object>(statement, values));
      const seen = await run.catch((error: unknown) => {
        // Refused by row level security, or by commit_write, which finds no such household.
        expect(error, statement.name).toMatchObject({ cause: { code: expect.stringMatching(/^(42501|FG001)$/) } });
        return [];
      });
      expect(findings(seen), statement.name).toEqual([]);
    }
    expect(await everything()).toEqual(before);
  });

  test("have all found something in the name of their own", () => {
    const reads = [...caught.keys()].filter((name) => /read_|lock|list/.test(name));
    expect(reads.filter((name) => !fruitful.has(name))).toEqual([]);
  });
});
