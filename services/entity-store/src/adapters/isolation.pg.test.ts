import { type HouseholdId, parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { QueryMatcher } from "@funkygibbon/kernel/search-match";
import type { Database, TransactionOptions } from "@funkygibbon/postgres/database";
import type { Transaction } from "@funkygibbon/postgres/transaction";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { declaredStatements, STATEMENT_FILES } from "../../test/declared-statements.ts";
import { SeededLog, seedId } from "../../test/seeded-log.ts";
import type { ActivityQuery } from "../domain/activity-reads.ts";
import type { GraphSnapshot } from "../domain/graph-reads.ts";
import { PostgresActivity } from "./postgres-activity.ts";
import { PostgresConflicts } from "./postgres-conflicts.ts";
import { PostgresGraph } from "./postgres-graph.ts";
import { PostgresHistory } from "./postgres-history.ts";
import { PostgresHouseholds } from "./postgres-households.ts";
import { PostgresPolicies } from "./postgres-policies.ts";
import { PostgresSearch } from "./postgres-search.ts";
import { postgresProjection } from "./search-projection.ts";

const never = new AbortController().signal;
const [home, room, lamp, inRoom] = [seedId(1), seedId(2), seedId(3), seedId(11)];
const conflictId = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";
const mine = parseHouseholdId("mine");
const theirs = parseHouseholdId("theirs");

/** One question to a repository; what it answers is compared as JSON. */
type Question = (database: Database, household: HouseholdId) => Promise<unknown>;

const entities = { types: [], sources: [], nameContains: "", after: undefined, limit: 10 } as const;
const edges = { types: [], from: undefined, to: undefined, entity: undefined, after: undefined, limit: 10 };

function snapshot(at: number | undefined, read: (snapshot: GraphSnapshot) => Promise<unknown>): Question {
  return (database, household) =>
    new PostgresGraph(database).snapshot({ household, at }, async (graph) => {
      const found = await read(graph);
      return found instanceof Map ? [...found.values()] : found;
    });
}

/** After the first four versions, of which one is changed later. */
const THEN = Date.UTC(2026, 0, 1) * 1_000 + 4_000_000;
const reads: [string, (graph: GraphSnapshot) => Promise<unknown>][] = [
  ["entities", (graph) => graph.entities([home, lamp])],
  ["relationships", (graph) => graph.relationships([inRoom])],
  ["listEntities", (graph) => graph.listEntities({ ...entities, among: undefined })],
  ["listEntities among", (graph) => graph.listEntities({ ...entities, among: [home] })],
  ["countEntities", (graph) => graph.countEntities({ ...entities, among: undefined })],
  ["countEntities among", (graph) => graph.countEntities({ ...entities, among: [home] })],
  ...[{}, { from: lamp }, { to: room }, { entity: lamp }].flatMap((ends): typeof reads => [
    [`listRelationships ${JSON.stringify(ends)}`, (graph) => graph.listRelationships({ ...edges, ...ends })],
    [`countRelationships ${JSON.stringify(ends)}`, (graph) => graph.countRelationships({ ...edges, ...ends })],
  ]),
  [
    "neighbours",
    (graph) => graph.neighbours({ entity: lamp, direction: "both", types: [], entityTypes: [], limit: 9 }),
  ],
  [
    "around",
    (graph) => graph.around({ frontier: [lamp], direction: "both", types: [], exclude: new Set(), goals: [home] }),
  ],
  ["expand", (graph) => graph.expand({ frontier: [lamp], direction: "both", types: [], exclude: [], limit: 9 })],
  ["contained", (graph) => graph.contained({ entity: room, types: ["located_in"], maxDistance: 9 })],
  ["edgesAmong", (graph) => graph.edgesAmong([lamp, room])],
];

const activities: [string, Partial<ActivityQuery>][] = [
  ["the latest calls", {}],
  ["the calls until then", { until: THEN }],
  ["one call", { call: "call-1" }],
  ["the calls that wrote a record", { record: lamp }],
];
const everyCall = { call: undefined, channel: undefined, author: undefined, record: undefined } as const;
const always = { since: undefined, until: undefined, before: undefined } as const;

const questions: [string, Question][] = [
  ...reads.map(([name, read]): [string, Question] => [`${name} now`, snapshot(undefined, read)]),
  ...reads.map(([name, read]): [string, Question] => [`${name} then`, snapshot(THEN, read)]),
  ...[undefined, { sinceSeq: 0, untilSeq: 5, seq: 0 }].map((after): [string, Question] => [
    `difference ${after === undefined ? "" : "of a later page"}`,
    async (database, household) =>
      (await new PostgresGraph(database).difference({ household, since: 0, until: THEN, after, limit: 9 })).differences,
  ]),
  [
    "history",
    (database, household) =>
      new PostgresHistory(database).history({
        household,
        record: lamp,
        kind: "entity",
        beforeSeq: undefined,
        at: undefined,
        limit: 9,
      }),
  ],
  ...activities.map(([name, filter]): [string, Question] => [
    name,
    (database, household) =>
      new PostgresActivity(database).calls({ household, ...everyCall, ...always, limit: 9, ...filter }),
  ]),
  ["createdAt", (database, household) => new PostgresHistory(database).createdAt(household, lamp)],
  [
    "statistics",
    async (database, household) => {
      const { entities: nodes, relationships, ...rest } = await new PostgresHouseholds(database).statistics(household);
      return Object.values(rest).every((count) => count === 0) && nodes.size + relationships.size === 0 ? [] : [rest];
    },
  ],
  [
    "checkIntegrity",
    async (database, household) => (await new PostgresHouseholds(database).checkIntegrity(household)).checkedRecords,
  ],
  [
    "conflicts",
    (database, household) =>
      new PostgresConflicts(database).list({
        household,
        state: "any",
        record: undefined,
        device: undefined,
        after: undefined,
        limit: 9,
      }),
  ],
  [
    "conflicts of a record",
    (database, household) =>
      new PostgresConflicts(database).list({
        household,
        state: "open",
        record: lamp,
        device: undefined,
        after: undefined,
        limit: 9,
      }),
  ],
  ["conflict", (database, household) => new PostgresConflicts(database).get(household, conflictId)],
  ["policies", (database, household) => new PostgresPolicies(database).list(household)],
  [
    "search",
    (database, household) =>
      new PostgresSearch(database).candidates({ household, matcher: new QueryMatcher("lamp"), types: [], limit: 9 }),
  ],
  [
    "similar",
    (database, household) =>
      new PostgresSearch(database).similarCandidates({ household, type: "device", body: { maker: "Hue" }, limit: 9 }),
  ],
];

let database: TestDatabase;
let app: Database;
let superuser: Database;
const ran = new Set<string>();

beforeAll(async () => {
  database = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  app = recording(database.open({ role: "funkygibbon_app" }));
  superuser = recording(database.open());
  const log = new SeededLog(mine);
  log.entity(home, "home", { name: "Home" });
  log.entity(room, "room", { name: "Room" });
  log.entity(lamp, "device", { name: "Lamp", maker: "Hue" });
  log.edge(inRoom, [lamp, "located_in", room]);
  log.entity(lamp, "device", { name: "Lamp 2", maker: "Hue" });
  await log.write(database);
  await database.sql("update record_versions set origin_channel = 'mcp', origin_call = 'call-1' where seq <= 3");
  await new SeededLog(theirs).write(database);
  await postgresProjection(app)(mine, never);
  const owner = { household: mine, user: parseUserId("ada"), now: 1 };
  await new PostgresPolicies(app).set({ entityType: "device", strategy: "manual", fieldRules: new Map() }, owner);
  await database.sql(
    `insert into conflicts (household_id, conflict_id, record_id, record_kind, type, local_version, server_version,
       strategy, decision, fields, local_author, local_device, opened_us)
     select household_id, $1, record_id, 1, 2, version, version, 4, 1, '[]', author, device_id, 1
     from record_versions where record_id = $2 and household_id = 'mine' and seq = 3`,
    [conflictId, lamp],
  );
});

afterAll(() => database?.[Symbol.asyncDispose]());

describe("every read of the graph, of histories, conflicts, policies and search (I5)", () => {
  it.each(questions)("%s answers the household itself", async (_name, ask) => {
    expect(isNothing(await ask(app, mine))).toBe(false);
  });

  it.each(questions)(
    "%s names its household in the statement: without row level security another one gets nothing",
    async (_name, ask) => {
      expect(isNothing(await ask(superuser, theirs))).toBe(true);
    },
  );

  it.each(questions)(
    "%s is under row level security: in another household's transaction it gets nothing",
    async (_name, ask) => {
      expect(isNothing(await ask(scopedTo(theirs, app), mine))).toBe(true);
    },
  );

  it("has left no statement of these rooms untried", () => {
    const declared = declaredStatements(STATEMENT_FILES.reads);
    const names = declared.flatMap((name) => {
      const [stem = "", index] = name.split("$");
      return index === undefined ? [name] : ["all", "from", "to", "either"].map((end) => `${stem}${end}`);
    });
    expect(names.length).toBeGreaterThan(40);
    // Nothing was deleted or renamed here; those statements have their tests beside the projection.
    expect(names.filter((name) => !ran.has(name))).toEqual([
      "search_projection.delete_rows",
      "search_projection.forget_words",
    ]);
  });
});

function isNothing(answer: unknown): boolean {
  if (typeof answer === "object" && answer !== null && "conflicts" in answer) return isNothing(answer.conflicts);
  return answer === undefined || answer === 0 || (Array.isArray(answer) && answer.length === 0);
}

/** The same database, whatever the household of a question, in the transactions of one other household. */
function scopedTo(household: HouseholdId, inner: Database): Database {
  return withTransactions(inner, (options) => ({ ...options, households: [household] }));
}

function recording(inner: Database): Database {
  return withTransactions(inner, (options) => options);
}

function withTransactions(inner: Database, change: (options: TransactionOptions) => TransactionOptions): Database {
  return {
    inTransaction: (options, work) => inner.inTransaction(change(options), (tx) => work(recordingTransaction(tx))),
    ping: () => inner.ping(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

function recordingTransaction(tx: Transaction): Transaction {
  return {
    query(statement, values) {
      ran.add(statement.name);
      return tx.query(statement, values);
    },
    execute(statement, values) {
      ran.add(statement.name);
      return tx.execute(statement, values);
    },
    scopeTo: (households) => tx.scopeTo(households),
  };
}
