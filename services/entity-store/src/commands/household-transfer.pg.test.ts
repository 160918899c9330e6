import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@funkygibbon/kernel/clock";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import { command } from "../../test/run-command.ts";
import { PostgresDeviceRegistry } from "../adapters/postgres-device-registry.ts";
import { PostgresHouseholds } from "../adapters/postgres-households.ts";

const [box, part, edge, odd] = [1, 2, 3, 4].map(recordId) as [string, string, string, string];
const phone = new TestDevice("phone");
const makeBox = phone.edit(box, {
  name: "Box",
  text: '\u0000 "quoted" \\ ü 🏠 \u2028 \u2029 \u0085\r\n',
  n: 1e21,
  "1": [null, {}],
});
let pg: PgLog;
let folder: string;
let exported: string;

/** A log with everything in it: merges, a conflict that waits, an edge that fell, an unknown parent, API writes. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "household-"));
  pg = await PgLog.open();
  await pg.epoch("home");
  const panel = new TestDevice("panel");
  await pg.test.sql("insert into policies values ('home', 3, 4, '{\"name\":\"longest\"}', 5, 'ada')");
  await pg.push([
    makeBox,
    phone.edit(part, { name: "\u0000" }),
    phone.connect(edge, { type: "part_of", from: part, to: box }),
  ]);
  await pg.push([panel.edit(box, { name: "Box", a: 2 }, { parents: [makeBox.version] })]);
  const local = phone.edit(box, { name: "Chest" }, { parents: [makeBox.version] });
  const [divergence] = (await pg.push([local])).divergences;
  if (divergence === undefined) throw new Error("must diverge");
  const conflict = {
    type: "content_conflict",
    strategy: "manual",
    decision: "open",
    fields: [
      {
        field: "name",
        localJson: '"Chest"',
        serverJson: '"Box"',
        baseJson: undefined,
        decidedJson: undefined,
        rule: "policy",
      },
    ],
  } as const;
  await pg.push([local], {
    resolutions: [
      {
        record: divergence.local.record,
        localVersion: divergence.local.version,
        localTimes: divergence.localTimes,
        serverVersion: divergence.server.version,
        decision: { kind: "pending" },
        conflict,
      },
    ],
  });
  await pg.push([phone.edit(odd, { a: 1 }, { parents: ["2020-01-01T00:00:00Z-lost-000001"] })]);
  await pg.api({ kind: "delete", record: box as never, recordKind: "entity", expected: "any" });
  await pg.test.sql(
    "insert into decisions values ('home', 3, 4, gen_random_uuid(), 2, $1, 'ada', 'mcp', 'Assistant', 'settle_conflict', 'c-1')",
    [box],
  );
  const devices = new PostgresDeviceRegistry(pg.database, systemClock);
  await devices.openSession({
    household: "home" as HouseholdId,
    device: "phone" as never,
    user: "ada" as never,
    sessionKey: new Uint8Array(),
    rotateKey: true,
    clientVersion: "1",
    platform: "test",
  });
  exported = (await run("export", "home")).stdout;
});
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const run = (name: string, household: string, options: { in?: string; out?: string; stdin?: string } = {}) =>
  command(
    [
      name,
      "--household",
      household,
      ...(options.out === undefined ? [] : ["--out", options.out]),
      ...(options.in === undefined ? [] : ["--in", options.in]),
    ],
    { url: pg.test.url, ...(options.stdin === undefined ? {} : { stdin: options.stdin }) },
  );

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The export, but for what is new in the import. */
const comparable = (text: string) => linesOf(text).map(({ epoch: _epoch, household: _household, ...line }) => line);

const rowsOf = async (household: string) => ({
  heads: await pg.test.sql("select * from heads where household_id = $1 order by seq", [household]),
  versions: await pg.test.sql("select * from record_versions where household_id = $1 order by seq", [household]),
  conflicts: await pg.test.sql("select * from conflicts where household_id = $1 order by conflict_id", [household]),
  decisions: await pg.test.sql("select * from decisions where household_id = $1", [household]),
  policies: await pg.test.sql("select * from policies where household_id = $1 order by entity_type", [household]),
});

describe("export and import of a household", () => {
  test("hold versions, conflicts, decisions, policies and devices, in this order", () => {
    const kinds = linesOf(exported).map(({ line }) => line);
    expect([...new Set(kinds)]).toEqual(["household", "version", "conflict", "decision", "policy", "device", "end"]);
    expect(exported).toContain('"cascaded":true');
    expect(exported).toContain('"outcome":"pending_review"');
    expect(exported).not.toContain("session");
  });

  test("make the same household again: heads, digest, history; the export of the import is the export but for the epoch", async () => {
    const file = join(folder, "home.ndjson");
    expect(await run("export", "home", { out: file })).toMatchObject({ code: 0 });
    expect(readFileSync(file, "utf8")).toBe(exported);
    const imported = await run("import", "copy", { in: file });
    expect([imported.code, imported.stderr]).toEqual([0, ""]);
    const again = (await run("export", "copy")).stdout;
    expect(comparable(again)).toEqual(comparable(exported));
    expect(linesOf(again)[0]?.epoch).not.toBe(linesOf(exported)[0]?.epoch);

    const [home, copy] = await Promise.all([rowsOf("home"), rowsOf("copy")]);
    const renamed = JSON.stringify(copy).replaceAll('"household_id":"copy"', '"household_id":"home"');
    expect(JSON.parse(renamed)).toEqual(JSON.parse(JSON.stringify(home)));
    const { faults } = await new PostgresHouseholds(pg.database).checkIntegrity("copy" as HouseholdId);
    expect(faults).toEqual([]);
  });

  test("keep whatever bodies say, character by character", async () => {
    const text = fc.string({ unit: "binary", maxLength: 20 }).map((one) => one.toWellFormed());
    const value = fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null));
    const bodies = fc.array(fc.dictionary(text, fc.oneof(value, fc.array(value))), { minLength: 50, maxLength: 50 });
    let homes = 0;
    const property = fc.asyncProperty(bodies, async (all) => {
      const [household, copy] = [`spoken-${++homes}`, `copied-${homes}`] as const;
      const device = new TestDevice("phone");
      const changes = all.map((body, n) => device.edit(recordId(n), body as never));
      expect(new Set(outcomesOf(await pg.push(changes, { household })))).toEqual(new Set(["applied"]));
      const { stdout } = await run("export", household);
      expect(await run("import", copy, { stdin: stdout })).toMatchObject({ code: 0, stderr: "" });
      const bodiesOf = async (home: string) =>
        (await rowsOf(home)).versions.map((row) => (row as { body: string }).body);
      expect(await bodiesOf(copy)).toEqual(changes.map(({ content }) => content?.bodyJson));
      expect(comparable((await run("export", copy)).stdout)).toEqual(comparable(stdout));
    });
    await fc.assert(property, { numRuns: 3, endOnFailure: true });
  });

  test("leave a household that goes on as before: a resend is a resend, an edit is an edit", async () => {
    expect(await run("import", "live", { stdin: exported })).toMatchObject({ code: 0, stderr: "" });
    const resent = await pg.push([makeBox], { household: "live" });
    expect(resent.outcomes[0]).toMatchObject({ outcome: "applied", duplicate: true });
    const added = await pg.push([phone.edit(recordId(9), { a: 1 })], { household: "live" });
    expect(outcomesOf(added)).toEqual(["applied"]);
  });

  test("go into an empty household, and replace its epoch", async () => {
    const before = await pg.epoch("empty");
    expect(await run("import", "empty", { stdin: exported })).toMatchObject({ code: 0, stderr: "" });
    expect(linesOf((await run("export", "empty")).stdout)[0]?.epoch).not.toBe(before);
  });

  test("refuse a household that holds something", async () => {
    const { code, stderr } = await run("import", "home", { stdin: exported });
    expect([code, stderr]).toEqual([1, expect.stringContaining("household home is not empty")]);
  });

  test("refuse a household that is unknown", async () => {
    expect(await run("export", "nobody")).toMatchObject({ code: 1, stderr: expect.stringContaining("not found") });
  });
});

describe("an import that is not whole", () => {
  const edited = (change: (lines: string[]) => void) => {
    const lines = exported.trimEnd().split("\n");
    change(lines);
    return `${lines.join("\n")}\n`;
  };
  const replaced = (index: number, from: string | RegExp, to: string) =>
    edited((lines) => {
      const line = lines[index] ?? "";
      lines[index] = line.replace(from, to);
      expect(lines[index]).not.toBe(line);
    });

  const withoutLine = (which: RegExp) =>
    edited((lines) => {
      const index = lines.findIndex((line) => which.test(line));
      expect(index).toBeGreaterThan(0);
      lines.splice(index, 1);
      lines[lines.length - 1] = JSON.stringify({ line: "end", lines: lines.length - 1 });
    });
  const changedLine = (which: RegExp, from: RegExp, to: string) =>
    replaced(
      exported.split("\n").findIndex((line) => which.test(line)),
      from,
      to,
    );

  test.each<[string, () => string, string]>([
    ["malformed JSON", () => replaced(2, "{", ""), "line 3:"],
    ["an unknown field", () => replaced(3, "{", '{"extra":1,'), "line 4:"],
    ["another format", () => replaced(0, '"format":1', '"format":2'), "line 1: format"],
    ["a body that was changed", () => replaced(1, "quoted", "forged"), "line 2: contentHash"],
    ["a body that is no JSON object", () => replaced(1, /"body":"\{/, '"body":"['), "line 2: "],
    ["half a character in a stamp", () => changedLine(/"keys":\["/, /"keys":\["/, '"keys":["\\ud800'), "stamps"],
    ["a version that is no version", () => replaced(1, /"version":"2/, '"version":"x2'), "line 2:"],
    ["a line that is missing", () => edited((lines) => lines.splice(2, 1)), "line 3: seq must be 2"],
    ["an end that is missing", () => edited((lines) => lines.pop()), "the end is missing"],
    ["something after the end", () => `${exported}${exported}`, "nothing may follow the end"],
    // Its next resend would not be recognised.
    ["a device that is missing", () => withoutLine(/"line":"device","device":"panel"/), "device panel is missing"],
    [
      "a device's clock that lags",
      () => changedLine(/"line":"device","device":"phone"/, /"highestSequence":\d+/, '"highestSequence":1'),
      "highestSequence",
    ],
    ["no household line", () => edited((lines) => lines.shift()), "line 1: the household comes first"],
    ["a head that is none", () => replaced(1, '"outcome"', '"head":true,"outcome"'), "lines 2 to"],
    ["another digest", () => replaced(0, /"digest":"\d+"/, '"digest":"1"'), "line 1: the heads do not sum up"],
    ["nothing at all", () => "", "line 1: the end is missing"],
  ])("says which line and imports nothing: %s", async (_name, text, expected) => {
    const { code, stderr } = await run("import", "broken", { stdin: text() });
    expect([code, stderr]).toEqual([1, expect.stringContaining(expected)]);
    expect(await pg.test.sql("select household_id from households where household_id = 'broken'")).toEqual([]);
    expect((await rowsOf("broken")).versions).toEqual([]);
  });
});

describe("the command line", () => {
  test("explains itself", async () => {
    const url = pg.test.url;
    expect((await command(["--help"], { url })).stdout).toContain("export       writes a household as NDJSON");
    expect((await command(["import", "--help"], { url })).stdout).toContain("--household ID");
  });

  test("names what is missing or unknown", async () => {
    const url = pg.test.url;
    const stderr = async (...args: string[]) => (await command(args, { url })).stderr;
    expect(await stderr("export")).toContain("--household is required");
    expect(await stderr("export", "--house", "h")).toContain("--house");
    expect(await stderr("export", "--household", "a b")).toContain("--household: must match");
    expect(await stderr("toString")).toContain("knows no command toString");
  });
});
