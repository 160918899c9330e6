import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@funkygibbon/kernel/clock";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { ConflictRow } from "@funkygibbon/kernel/record";
import type { Database } from "@funkygibbon/postgres/database";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EPOCH, MemoryLog, START_US } from "../../test/memory-log.ts";
import { PgLog } from "../../test/pg-log.ts";
import { type HomeAction, homeActions, RandomHome } from "../../test/random-home.ts";
import type { CommitJob, ResultOf } from "../domain/commit-job.ts";
import { CONFLICT_COLUMNS, type ConflictTableRow, conflictFromRow } from "./conflict-row.ts";
import type { GroupReport } from "./postgres-change-log.ts";
import { VERSION_COLUMNS, type VersionRow, versionFromRow } from "./version-row.ts";

/** Of eight homes each, which commit at once. */
const RUNS = process.env.SOAK === undefined ? 8 : 200;
const HOMES_AT_ONCE = 8;

/** Time stands still on both sides: commits are told apart by the microsecond that each adds. */
const stopped: Clock = { now: () => START_US };

let pg: PgLog;
/** As the superuser, to look behind the scenes. */
let behind: Database;
let households = 0;
const groups: GroupReport[] = [];

beforeAll(async () => {
  // Few lanes, so that homes share transactions.
  pg = await PgLog.open({ clock: stopped, lanes: 2, onGroup: (group) => groups.push(group) });
  behind = pg.test.open();
});
afterAll(() => pg[Symbol.asyncDispose]());

interface Commit {
  readonly job: CommitJob;
  readonly answer: ResultOf<CommitJob> | DomainError;
}

/** The log in memory, which has nothing in common with the SQL but the port; writes down what it was asked and answered. */
class ModelLog extends MemoryLog {
  readonly asked: Commit[] = [];

  constructor() {
    super({ clock: stopped });
  }

  override commit<Job extends CommitJob>(job: Job): ResultOf<Job> {
    try {
      const answer = super.commit(job);
      this.asked.push({ job, answer });
      return answer;
    } catch (error) {
      if (error instanceof DomainError) this.asked.push({ job, answer: error });
      throw error;
    }
  }
}

test("whatever is committed, PostgreSQL answers and keeps it as the model in memory does", {
  timeout: 600_000,
}, async () => {
  const homes = fc.array(homeActions, { minLength: HOMES_AT_ONCE, maxLength: HOMES_AT_ONCE });
  const property = fc.asyncProperty(homes, async (histories) => {
    await Promise.all(histories.map(expectSameAsModel));
  });
  await fc.assert(property, { numRuns: RUNS, endOnFailure: true });
  expect(groups.some(({ jobs }) => jobs > 1)).toBe(true);
  expect(groups.some(({ outcome }) => outcome === "disproved")).toBe(true);
});

async function expectSameAsModel(actions: readonly HomeAction[]): Promise<void> {
  const model = new ModelLog();
  const home = new RandomHome(model);
  for (const action of actions) home.run(action);

  const household = `model-${++households}` as HouseholdId;
  await pg.test.sql("insert into households (household_id, epoch, created_us) values ($1, $2, 0)", [household, EPOCH]);
  const ids = new Map<string, string>();
  for (const [index, { job, answer }] of model.asked.entries()) {
    const asked = {
      ...job,
      household,
      ...(job.kind === "settlement" ? { conflictId: ids.get(job.conflictId) ?? "" } : {}),
    };
    const found = await pg.log.commit(asked as CommitJob).catch((error: unknown) => error);
    for (const [at, conflict] of conflictsOf(answer).entries()) ids.set(conflict.id, conflictsOf(found)[at]?.id ?? "");
    if (!isDeepStrictEqual(plain(found), plain(answer))) {
      expect({ commit: index, job, answer: plain(found) }).toEqual({ commit: index, job, answer: plain(answer) });
    }
  }
  expect(await stored(household)).toEqual(remembered(model));
}

function conflictsOf(answer: unknown): readonly ConflictRow[] {
  return typeof answer === "object" && answer !== null && "conflicts" in answer
    ? (answer.conflicts as readonly ConflictRow[])
    : [];
}

/** What PostgreSQL holds of a household. */
async function stored(household: HouseholdId) {
  return behind.inTransaction({ households: [household] }, async (tx) => {
    const [versions, created, conflicts, heads, clocks] = await Promise.all([
      tx.query<VersionRow>(
        {
          name: "test.versions",
          text: `select ${VERSION_COLUMNS} from record_versions v where household_id = $1 order by seq`,
        },
        [household],
      ),
      tx.query<object>({ name: "test.created", text: CREATED }, [household]),
      tx.query<ConflictTableRow>(
        { name: "test.conflicts", text: `select ${CONFLICT_COLUMNS} from conflicts c where household_id = $1` },
        [household],
      ),
      tx.query<object>({ name: "test.heads", text: HEADS }, [household]),
      tx.query<object>({ name: "test.clocks", text: CLOCKS }, [household]),
    ]);
    return {
      versions: plain(versions.map(versionFromRow)),
      created: plain(created),
      conflicts: inOrder(conflicts.map(conflictFromRow)),
      heads: plain(heads),
      clocks: plain(clocks),
    };
  });
}

/** What the model holds, in the same form. */
function remembered(model: MemoryLog) {
  const { versions, conflicts, heads } = model;
  return {
    versions: plain(versions),
    created: plain(created(versions)),
    conflicts: inOrder([...conflicts.values()]),
    heads: plain(
      [...heads.values()]
        .sort((a, b) => a.seq - b.seq)
        .map(({ record, seq, version, kind, deleted, cascaded, from, to, digestTerm }) => ({
          record,
          seq,
          version,
          kind: kind === "entity" ? 1 : 2,
          deleted,
          cascaded,
          from,
          to,
          digestTerm: BigInt.asIntN(64, digestTerm).toString(),
        })),
    ),
    clocks: plain([...model.clocks()].sort((a, b) => (a.device < b.device ? -1 : 1))),
  };
}

/** When the record of each version came to be: with its first accepted one. */
function created(versions: MemoryLog["versions"]) {
  const first = new Map<string, number>();
  return versions.map(({ record, seq, outcome, committedUs }) => {
    if (!first.has(record) && (outcome === "applied" || outcome === "merged")) first.set(record, committedUs);
    return { seq, createdUs: first.get(record) ?? committedUs };
  });
}

const CREATED = `select seq, created_us as "createdUs" from record_versions where household_id = $1 order by seq`;
const HEADS = `select record_id as record, seq, version, kind, deleted, cascaded, from_id as "from", to_id as "to",
  digest_term::text as "digestTerm" from heads where household_id = $1 order by seq`;
const CLOCKS = `select device_id as device, highest_sequence as sequence, newest_version as version,
  newest_effective_us as "effectiveUs" from devices where household_id = $1 order by device_id`;

function inOrder(conflicts: readonly ConflictRow[]): unknown[] {
  const key = ({ record, openedUs, localVersion }: ConflictRow) => `${openedUs} ${record} ${localVersion}`;
  return conflicts.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)).map(plain);
}

/** A value without what each side chooses for itself (ids of conflicts), nothing for undefined and null, errors by what callers decide by. */
function plain(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object") return value;
  if (value instanceof DomainError) return { kind: value.kind, reason: value.reason, fields: value.fields };
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries
      .filter(([key]) => key !== "id")
      .map(([key, item]) => [key, plain(item)])
      .filter(([, item]) => item !== undefined),
  );
}
