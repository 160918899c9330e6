import { type DeviceId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { formatVersion } from "@funkygibbon/kernel/version";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { ExplainingSession } from "../../test/explaining-session.ts";
import { SEED_START_US, SeededLog, seedId } from "../../test/seeded-log.ts";
import { emptySheet, noNeeds, sequenceKey, versionKey } from "../domain/commit-facts.ts";
import { readRareFacts } from "./read-rare-facts.ts";
import { WRITER_SETTINGS } from "./session-settings.ts";

const household = parseHouseholdId("large");
const record = seedId(7);
const device = "seed" as DeviceId;
const at = { device, sequence: 100 };
const version = formatVersion(SEED_START_US, device, 7);

const asked = {
  lineages: (needs) => needs.lineages.add(record),
  versions: (needs) => needs.versions.set(versionKey({ record, version }), { record, version }),
  neighbours: (needs) => needs.neighbours.set(sequenceKey(at), at),
} satisfies Record<string, (needs: ReturnType<typeof noNeeds>) => unknown>;

let test: TestDatabase;
let writer: ExplainingSession;

function read(name: keyof typeof asked) {
  const needs = noNeeds();
  asked[name](needs);
  const asking = { household, needs, sheet: emptySheet() };
  const options = { households: [household], readOnly: true };
  return writer.database.inTransaction(options, async (tx) => {
    await readRareFacts(tx, asking);
    return asking.sheet[name];
  });
}

beforeAll(async () => {
  test = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  writer = await ExplainingSession.open(test.url, WRITER_SETTINGS);
  // Planned now, for good, in tables that have never had a row of their own.
  for (const name of Object.keys(asked)) await read(name as keyof typeof asked);
  const log = new SeededLog(household);
  for (let n = 1; n <= 3_000; n++) log.entity(seedId(n), "device", { name: `Device ${n}` });
  await log.write(test);
}, 60_000);

afterAll(async () => {
  await writer?.[Symbol.asyncDispose]();
  await test?.[Symbol.asyncDispose]();
});

describe("under the lock of its household, what a diverged edit asks for is looked up by an index:", () => {
  it.each([
    ["lineages", "record_versions_by_record"],
    ["versions", "record_versions_by_sequence"],
    ["neighbours", "record_versions_by_sequence"],
  ] as const)("%s", async (name, index) => {
    await writer.expectIndexes(() => read(name), [index]);
  });
});
