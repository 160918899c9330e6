import { randomInt } from "node:crypto";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { type HouseholdId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { QueryMatcher } from "@funkygibbon/kernel/search-match";
import { fold } from "@funkygibbon/kernel/search-text";
import { silentLogger } from "@funkygibbon/runtime/log";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import { SeededLog, seedId } from "../../test/seeded-log.ts";
import { rankHits, rankSimilar } from "../domain/rank-search.ts";
import { searchRow } from "../domain/search-row.ts";
import { trigramSimilarity } from "../domain/similarity.ts";
import { PostgresSearch } from "./postgres-search.ts";
import { postgresProjection } from "./search-projection.ts";
import { laggingHouseholds, startSearchProjector } from "./search-projector.ts";

const never = new AbortController().signal;
const MIGRATIONS = "services/entity-store/migrations";

/** A household with some rooms and devices, whose index is as far as the test says. */
async function seeded(
  database: TestDatabase,
  household: string,
  entities: [EntityType, Record<string, string | boolean | string[]>][],
) {
  const log = new SeededLog(household);
  for (const [index, [type, body]] of entities.entries()) log.entity(seedId(index + 1), type, body);
  await log.write(database);
  return log.household;
}

async function names(
  search: PostgresSearch,
  household: HouseholdId,
  query: string,
  types: EntityType[] = [],
  limit = 20,
) {
  const matcher = new QueryMatcher(query);
  const hits = rankHits(matcher, await search.candidates({ household, matcher, types, limit })).slice(0, limit);
  return hits.map((hit) => `${hit.match.kind}: ${hit.entity.name}`);
}

describe("search", () => {
  let database: TestDatabase;
  let search: PostgresSearch;
  let household: HouseholdId;
  let fresh: HouseholdId;

  beforeAll(async () => {
    database = await createTestDatabase({ migrations: MIGRATIONS });
    const pool = database.open({ role: "funkygibbon_app" });
    search = new PostgresSearch(pool);
    const home: Parameters<typeof seeded>[2] = [
      ["room", { name: "Kitchen" }],
      ["device", { name: "Kitchen lamp", maker: "Hue", model: "LCT001", is_on: true }],
      ["device", { name: "Große Küche Lampe", maker: "Hue", model: "LCT001", is_on: false }],
      ["device", { name: "Thermostat", maker: "ecobee", model: "ecobee3" }],
      ["note", { name: "Heating", text: "First close the kitchen radiators, then bleed them." }],
      ["note", { name: "100% _odd_ 'name' \\ \"quoted\"", text: "\u0000 nul, \u0007 bell" }],
      ["device", { name: "Lamp", maker: "Eve", tags: ["warm", "dim"] }],
      ["device", {}],
    ];
    household = await seeded(database, "indexed", home);
    fresh = await seeded(database, "fresh", home);
    await seeded(database, "other", [["device", { name: "Kitchen lamp of somebody else" }]]);
    const project = postgresProjection(pool);
    expect(await project(household, never)).toEqual({ heads: 8, caughtUp: true, failed: [] });
    expect(await project(household, never)).toEqual({ heads: 0, caughtUp: true, failed: [] });
    await project(parseHouseholdId("other"), never);
  });

  afterAll(() => database?.[Symbol.asyncDispose]());

  it.each([
    ["kitchen lamp", ["exact: Kitchen lamp"]],
    ["KITCH", ["prefix: Kitchen", "prefix: Kitchen lamp", "content: Heating"]],
    ["amp", ["substring: Lamp", "substring: Kitchen lamp", "substring: Große Küche Lampe"]],
    ["kuche", ["substring: Große Küche Lampe"]],
    ["bleed radiator", ["content: Heating"]],
    ["hue", ["content: Große Küche Lampe", "content: Kitchen lamp"]],
    ["thermostta", ["fuzzy: Thermostat"]],
    ["kichen", ["fuzzy: Kitchen", "fuzzy: Kitchen lamp"]],
    ["kichen lmap", ["fuzzy: Kitchen lamp"]],
    ["lmap", ["fuzzy: Lamp", "fuzzy: Kitchen lamp"]],
    ["lmap kitchne", ["fuzzy: Kitchen lamp"]],
    ["thermstat", ["fuzzy: Thermostat"]],
    ["ktichen radiators", []],
    ["100%", [`prefix: 100% _odd_ 'name' \\ "quoted"`]],
    ["'name' \\", [`substring: 100% _odd_ 'name' \\ "quoted"`]],
    ["bell", ["content: 100% _odd_ 'name' \\ \"quoted\""]],
    ["zebra", []],
  ])("finds %j by index", async (query, expected) => {
    const found = await names(search, household, query);
    expect(found.slice(0, expected.length)).toEqual(expected);
    if (expected.length === 0) expect(found).toEqual([]);
  });

  it.each(["kitchen lamp", "amp", "kuche", "bleed radiator", "hue", "thermostta", "lmap", "100%", "bell", "zebra"])(
    "finds %j the same before the index has it",
    async (query) => {
      expect(await names(search, fresh, query)).toEqual(await names(search, household, query));
    },
  );

  it("filters by type and cuts at the limit", async () => {
    expect(await names(search, household, "kitchen", ["room"])).toEqual(["exact: Kitchen"]);
    expect(await names(search, household, "kitchen", [], 1)).toEqual(["exact: Kitchen"]);
  });

  it.each([
    "%",
    "_",
    "\\",
    "'",
    "''",
    "' OR 1=1 --",
    "\u0000",
    "a\u0000b",
    "(",
    "!",
    "& | !",
    ":*",
    "'a':*",
    "<->",
    "\ud800",
    "*".repeat(200),
    "a ".repeat(100),
    "\u202e",
    "🦍",
    "../../etc",
    "{}",
    "$1",
    "%%%%%%%%%%",
    "__proto__",
  ])("takes %j for text", async (query) => {
    await expect(names(search, household, query)).resolves.toBeInstanceOf(Array);
  });

  it("proposes entities that share facts or a name", async () => {
    const body = { name: "Kitchen lamp", maker: "Hue", model: "LCT001", is_on: true };
    const candidates = await search.similarCandidates({ household, type: "device", body, limit: 10 });
    const hits = rankSimilar({ id: seedId(2), body }, candidates).slice(0, 10);
    expect(hits[0]).toMatchObject({
      entity: { name: "Große Küche Lampe" },
      similarity: { sharedKeys: ["maker", "model"] },
    });
    expect(hits.map((hit) => hit.entity.name)).not.toContain("Kitchen");
  });

  it.each([
    [{ name: "Kitchen lamp", maker: "Hue" }, ["Große Küche Lampe", "Lamp"]],
    [{ name: "Thermostat 2" }, ["Thermostat"]],
    [{ name: "Fan", tags: ["dim"] }, ["Lamp"]],
    [{ name: "Oven" }, []],
  ])("takes the same for alike whether the index holds it or not yet: %j", async (body, alike) => {
    for (const home of [household, fresh]) {
      const candidates = await search.similarCandidates({ household: home, type: "device", body, limit: 10 });
      const hits = rankSimilar({ id: seedId(2), body }, candidates);
      expect(hits.map((hit) => hit.entity.name)).toEqual(alike);
    }
  });

  it.each([
    ["kitchen lamp", "lampe"],
    ["heater 0", "heater 1"],
    ["lamp lamp", "lamp"],
    ["tv-upstairs", "tv (upstairs)"],
    ["a", ""],
    ["grune küche", "große kuche"],
  ])("measures folded names as pg_trgm does: %s, %s", async (a, b) => {
    const [row] = await database.sql<{ measured: number }>("select similarity($1, $2)::float8 as measured", [
      fold(a),
      fold(b),
    ]);
    expect(trigramSimilarity(a, b)).toBeCloseTo(must(row, "one row").measured, 5);
  });

  it("refuses a transaction that is not scoped to one household", async () => {
    const pool = database.open({ role: "funkygibbon_app" });
    const call = { name: "test.unscoped", text: "select * from search_candidates('a', 'a', '', '{1}', 5)" };
    for (const households of [[], ["indexed", "other"]]) {
      const scope = { households: households.map((id) => parseHouseholdId(id)) };
      await expect(pool.inTransaction(scope, (tx) => tx.query(call))).rejects.toMatchObject({ kind: "internal" });
    }
  });
});

describe("the projection", () => {
  it("catches a body that defeats it alone, and a statement that fails does not stop it", async () => {
    await using database = await createTestDatabase({ migrations: MIGRATIONS });
    const pool = database.open({ role: "funkygibbon_app" });
    const household = await seeded(database, "h", [
      ["device", { name: "First" }],
      ["device", { name: "Throws" }],
      ["device", { name: "Refused" }],
      ["device", { name: "Last" }],
    ]);
    const project = postgresProjection(pool, (body) => {
      if (body.name === "Throws") throw new Error("a bug in the projection");
      const row = searchRow(body);
      // No text of PostgreSQL holds U+0000.
      return body.name === "Refused" ? { ...row, name: "\u0000" } : row;
    });
    const failed = new Set<string>();
    for (let step = 0; step < 10; step++) {
      const { caughtUp, failed: records } = await project(household, never);
      for (const record of records) failed.add(record);
      if (caughtUp) break;
    }
    expect([...failed].sort()).toEqual([seedId(2), seedId(3)]);
    const rows = await database.sql<{ name: string }>("select name from search order by seq");
    expect(rows.map((row) => row.name)).toEqual(["first", "", "", "last"]);
  });

  it("takes whatever a body of 64 KiB may say", async () => {
    await using database = await createTestDatabase({ migrations: MIGRATIONS });
    const pool = database.open({ role: "funkygibbon_app" });
    // Letters at random: what is said twice would take less room.
    const said = (letters: number, from: number, to: number) =>
      Array.from({ length: letters }, () => String.fromCodePoint(randomInt(from, to))).join("");
    const words = (count: number, letters: number, from: number, to: number) =>
      Array.from({ length: count }, () => said(letters, from, to)).join(" ");
    const household = await seeded(database, "h", [
      ["device", { name: `Namely ${said(20_000, 0x4e00, 0x9fa5)}` }],
      ["device", { name: "Keys", [said(60_000, 0x61, 0x7b)]: true, [said(1_500, 0x4e00, 0x9fa5)]: "short" }],
      ["device", { name: "Words", text: words(4_200, 4, 0x4e00, 0x9fa5) }],
      ["device", { name: "Long words", text: words(300, 64, 0x4e00, 0x9fa5) }],
      ["device", { name: "Ligatures", text: words(1_000, 20, 0xfdf0, 0xfdfc) }],
      ["device", { name: "Facts", tags: Array.from({ length: 100 }, () => said(200, 0x4e00, 0x9fa5)) }],
    ]);
    expect(await postgresProjection(pool)(household, never)).toEqual({ heads: 6, caughtUp: true, failed: [] });
    expect(await names(new PostgresSearch(pool), household, "keys")).toEqual(["exact: Keys"]);
  });

  it("takes deleted entities out, moves past versions that are no heads, and leaves a claimed household to its owner", async () => {
    await using database = await createTestDatabase({ migrations: MIGRATIONS });
    const pool = database.open({ role: "funkygibbon_app" });
    const log = new SeededLog("h");
    log.entity(seedId(1), "device", { name: "Gone" });
    log.entity(seedId(2), "device", { name: "Here" });
    await log.write(database);
    const project = postgresProjection(pool);
    await project(log.household, never);
    await database.sql("update heads set deleted = true, seq = 3 where record_id = $1", [seedId(1)]);
    await database.sql(
      "insert into record_versions select household_id, 3, record_id, 'x', 'x', 3, parents, kind, type, from_id, to_id, null, false, true, content_hash, stamps, source, author, healer, claimed_us, effective_us, committed_us, created_us, 1 from record_versions where seq = 1",
    );
    await database.sql("update households set head_seq = 4");
    const find = laggingHouseholds(database.open({ role: "funkygibbon_relay" }));
    expect(await find(never)).toEqual(["h"]);
    await project(log.household, never);
    expect(await database.sql("select name from search")).toEqual([{ name: "here" }]);
    expect(await database.sql("select projected_seq from search_positions")).toEqual([{ projected_seq: "4" }]);
    expect(await find(never)).toEqual([]);
  });

  it("forgets a word when the last name with it goes, and no other word", async () => {
    await using pg = await PgLog.open();
    const search = new PostgresSearch(pg.database);
    const project = postgresProjection(pg.database);
    const [home, neighbours] = ["home", "neighbours"].map((name) => parseHouseholdId(name)) as [
      HouseholdId,
      HouseholdId,
    ];
    const phone = new TestDevice("phone");
    const known = new Map<number, string>();
    /** Gives entities names; undefined deletes one. */
    const say = async (household: HouseholdId, names: Record<number, string | undefined>) => {
      const changes = Object.entries(names).map(([n, name]) => {
        const before = known.get(Number(n));
        const parents = before === undefined ? [] : [before];
        const id = recordId(Number(n));
        const change = phone.edit(id, { name: name ?? "", text: "Aquarium" }, { parents, deleted: name === undefined });
        known.set(Number(n), change.version);
        return change;
      });
      await pg.push(changes, { household });
      await project(household, never);
    };
    const words = async (household: HouseholdId) => {
      const text = "select word from search_words where household_id = $1 order by 1";
      return (await pg.test.sql<{ word: string }>(text, [household])).map(({ word }) => word).join(" ");
    };

    await say(home, { 1: "Thermostat", 2: "Kitchen thermostat", 3: "Old Aquarium", 4: "Lamp", 5: "Lamp" });
    await say(neighbours, { 11: "Thermostat" });
    expect(await words(home)).toBe("aquarium kitchen lamp old thermostat");
    // Another name has the word still.
    await say(home, { 1: "Radiator" });
    expect(await words(home)).toBe("aquarium kitchen lamp old radiator thermostat");
    // What stands in a text is in no name.
    await say(home, { 3: undefined });
    expect(await words(home)).toBe("kitchen lamp radiator thermostat");
    // Two lose it together, and a third one takes it up in the same step.
    await say(home, { 4: "Light", 5: "Sconce", 2: "Kitchen", 6: "Lamp" });
    expect(await words(home)).toBe("kitchen lamp light radiator sconce");
    expect(await words(neighbours)).toBe("thermostat");
    expect(await names(search, home, "radiatro")).toEqual(["fuzzy: Radiator"]);
    expect(await names(search, home, "thermostta")).toEqual([]);
    await say(home, { 7: "Thermostat" });
    expect(await names(search, home, "thermostta")).toEqual(["fuzzy: Thermostat"]);
  });

  it("follows announced households and those that the sweep finds", async () => {
    await using database = await createTestDatabase({ migrations: MIGRATIONS });
    const pool = database.open({ role: "funkygibbon_app" });
    const swept = await seeded(database, "swept", [["device", { name: "Swept" }]]);
    await using projector = startSearchProjector({
      project: postgresProjection(pool),
      findLagging: laggingHouseholds(database.open({ role: "funkygibbon_relay" })),
      log: silentLogger(),
      quietMs: 5,
      sweepIntervalMs: 20,
    });
    await expect.poll(() => database.sql("select name from search")).toEqual([{ name: "swept" }]);
    const announced = await seeded(database, "announced", [["device", { name: "Announced" }]]);
    projector.noteCommit(announced);
    await projector.idle();
    expect(await database.sql("select name from search where household_id = $1", [announced])).toHaveLength(1);
    expect(await database.sql("select name from search where household_id = $1", [swept])).toHaveLength(1);
  });
});

describe("the plan of search", () => {
  it("uses the indexes under the application role, in a database that was never analyzed", async () => {
    await using database = await createTestDatabase({ migrations: MIGRATIONS });
    const log = new SeededLog("large");
    for (let n = 0; n < 5_000; n++)
      log.entity(seedId(n), "device", { name: `Device ${n.toString(36)} number ${n}`, serial: `s${n}` });
    await log.write(database);
    const project = postgresProjection(database.open({ role: "funkygibbon_app" }));
    while (!(await project(log.household, never)).caughtUp);
    const named = await plansOf(
      database,
      "select * from search_candidates('s4711', 's4711', $$'s4711':*$$, '{3}', 60)",
    );
    expect(indexesOf(named)).toEqual(["search_by_name_part", "search_by_name_start", "search_by_words"]);
    const words = await plansOf(database, "select * from similar_words('{devise}', '{devise}', '{deivse}', 50)");
    expect(indexesOf(words)).toEqual(["search_words_by_part", "search_words_pkey"]);
    const nearly = await plansOf(database, "select * from named_candidates($$'=device'$$, $$'=device'$$, '{3}', 60)");
    expect(indexesOf(nearly)).toEqual(["search_by_words"]);
    const forgotten = await plansOf(database, "select forget_words('{device,gone}')");
    expect(indexesOf(forgotten)).toEqual(["search_by_words", "search_words_pkey"]);
    expect([named, words, nearly, forgotten].join()).not.toMatch(/Seq Scan on search/);
  }, 60_000);
});

function indexesOf(plans: string): string[] {
  const found = plans.matchAll(/Scan (?:on|using) (search_(?:by|words)_\w+)/g);
  return [...new Set([...found].map(([, index = ""]) => index))].sort();
}

/** The plans of the statements inside a function, as auto_explain tells them to a session that then takes the role. */
async function plansOf(database: TestDatabase, text: string): Promise<string> {
  const client = new pg.Client({ connectionString: database.url });
  const plans: string[] = [];
  client.on("notice", (notice) => plans.push(notice.message ?? ""));
  await client.connect();
  try {
    await client.query(`load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
      set auto_explain.log_level = 'notice'; set role funkygibbon_app`);
    await client.query("begin; select set_config('app.households', 'large', true)");
    await client.query(text);
    await client.query("rollback");
  } finally {
    await client.end();
  }
  return plans.join("\n");
}
