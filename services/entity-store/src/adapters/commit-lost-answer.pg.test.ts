import { type HouseholdId, parseRecordId, type UserId } from "@funkygibbon/kernel/ids";
import { openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog, pushJob } from "../../test/pg-log.ts";
import { type LostCommit, PostgresWire } from "../../test/postgres-wire.ts";
import type { ApiAction, CommitJob } from "../domain/commit-job.ts";
import type { CommitNotice } from "../domain/commit-notice.ts";

const LAMP = parseRecordId(recordId(1));
const CHAIR = parseRecordId(recordId(2));
const DOOR = parseRecordId(recordId(3));

let pg: PgLog;
let wire: PostgresWire;
let wired: PgLog;
let notices: CommitNotice[] = [];
let rounds = 0;
const closing = new AsyncDisposableStack();
beforeAll(async () => {
  pg = closing.use(await PgLog.open());
  wire = closing.use(await PostgresWire.open(pg.test.url));
  const options = { role: "funkygibbon_app", applicationName: "wired", maxConnections: 1, log: silentLogger() };
  const database = closing.use(openDatabase({ ...options, url: wire.url }));
  wired = pg.replica({ database, lanes: 1, onCommit: (notice) => notices.push(notice) });
});
afterAll(() => closing.disposeAsync());
beforeEach(() => {
  notices = [];
  rounds += 1;
});

const content = (name: string) => ({ kind: "entity", type: "device", body: { name } }) as const;
const create: ApiAction = { kind: "create", record: CHAIR, content: content("Chair"), source: "manual" };
const of = { record: LAMP, recordKind: "entity" } as const;
const rename = (expected: Extract<ApiAction, { kind: "update" }>["expected"]): ApiAction => ({
  ...of,
  kind: "update",
  expected,
  body: { kind: "replace", body: { name: "Renamed" } },
  ends: undefined,
  source: undefined,
});

/** A household whose lamp two devices have fought over: the panel's is the head, the phone's waits for a person. */
async function furnish(name: string) {
  const household = `${name}-${rounds}` as HouseholdId;
  const [phone, panel] = [new TestDevice("phone"), new TestDevice("panel")];
  const base = phone.edit(LAMP, { name: "Lamp" });
  const head = panel.edit(LAMP, { name: "Panel's" }, { parents: [base.version] });
  const local = phone.edit(LAMP, { name: "Phone's" }, { parents: [base.version] });
  await pg.push([base], { household });
  await pg.push([head], { household });
  const [divergence] = (await pg.push([local], { household })).divergences;
  if (divergence === undefined) throw new Error("must diverge");
  const conflict = { type: "content_conflict", strategy: "manual", decision: "open", fields: [] } as const;
  const { local: mine, localTimes, server } = divergence;
  const sides = { record: mine.record, localVersion: mine.version, localTimes, serverVersion: server.version };
  const resolutions = [{ ...sides, decision: { kind: "pending" }, conflict }] as const;
  const { conflicts } = await pg.push([local], { household, resolutions });
  const position = await pg.reads.position(household);
  const versions = () =>
    pg.test.sql<{ seq: string; author: string }>(
      "select seq, author from record_versions where household_id = $1 and seq > $2 order by seq",
      [household, position.headSeq],
    );
  return { household, phone, headVersion: server.version, conflict: conflicts[0], versions, epoch: position.epoch };
}

type Home = Awaited<ReturnType<typeof furnish>>;

function api({ household }: Home, action: ApiAction): CommitJob {
  const origin = { channel: "mcp", clientName: "test", tool: "edit", callId: "call-1" } as const;
  const user = "ada" as UserId;
  return { kind: "api", household, user, receivedUs: 0, origin, request: undefined, dryRun: false, action };
}

function settlement({ household, conflict, headVersion }: Home, content: boolean): CommitJob {
  const taken = { bodyJson: '{"name":"Phone\'s"}', ends: "local", deleted: false, stamps: [] } as const;
  return {
    kind: "settlement",
    household,
    user: "ada" as UserId,
    receivedUs: 0,
    conflictId: conflict?.id ?? "",
    etag: conflict?.etag ?? "",
    expectedHead: headVersion,
    decision: content ? "took_local" : "kept_server",
    content: content ? taken : undefined,
    fields: [],
    origin: { channel: "api", clientName: "test", tool: "", callId: "call-1" },
    request: undefined,
    dryRun: false,
  };
}

interface Attempt {
  readonly what: string;
  readonly job: (home: Home) => CommitJob;
  /** Versions that it writes. */
  readonly writes: number;
}

const ATTEMPTS: readonly Attempt[] = [
  { what: "a create", job: (home) => api(home, create), writes: 1 },
  { what: "an update of what was read", job: (home) => api(home, rename(home.headVersion)), writes: 1 },
  { what: "an update of whatever is there", job: (home) => api(home, rename("any")), writes: 1 },
  { what: "a delete", job: (home) => api(home, { ...of, kind: "delete", expected: home.headVersion }), writes: 1 },
  { what: "a decision that writes", job: (home) => settlement(home, true), writes: 1 },
  { what: "a decision that keeps the head", job: (home) => settlement(home, false), writes: 0 },
  {
    what: "a push of new records",
    job: ({ phone, household, epoch }) => pushJob([phone.edit(CHAIR, {}), phone.edit(DOOR, {})], { household, epoch }),
    writes: 2,
  },
];

/** Commits all attempts in one transaction, at whose COMMIT the connection breaks. */
async function commitTogether(losing: LostCommit, homes: readonly Home[]) {
  const plug = await furnish("plug");
  await wired.log.whenIdle();
  wire.loseCommit({ ...losing, after: 1 });
  // The only lane is taken by the first one; the others wait for it and go together.
  const first = wired.log.commit(api(plug, create));
  const jobs = homes.map((home, n) => wired.log.commit(ATTEMPTS[n]?.job(home) as CommitJob));
  const results = await Promise.allSettled([first, ...jobs]);
  return results.slice(1);
}

describe.each(["request", "answer"] as const)("a group of commits whose COMMIT is lost, namely its %s,", (lost) => {
  test("is answered as if nothing had happened, written once and told once", async () => {
    const homes = await Promise.all(ATTEMPTS.map((_, n) => furnish(`home-${n}`)));
    const results = await commitTogether({ lost }, homes);
    expect(results.map(({ status }, n) => [ATTEMPTS[n]?.what, status])).toEqual(
      ATTEMPTS.map(({ what }) => [what, "fulfilled"]),
    );
    const written = await Promise.all(homes.map(({ versions }) => versions()));
    expect(written.map((versions) => versions.length)).toEqual(ATTEMPTS.map(({ writes }) => writes));
    const told = homes.map(({ household }) => notices.filter((notice) => notice.household === household).length);
    expect(told).toEqual(ATTEMPTS.map(() => 1));
    const pushed = results.at(-1);
    expect(pushed).toMatchObject({ value: { outcomes: [{ duplicate: false }, { duplicate: false }] } });
  });
});

test("a commit is recognised when somebody else has written on top of it before it was asked about", async () => {
  const homes = await Promise.all(ATTEMPTS.map((_, n) => furnish(`home-${n}`)));
  const meanwhile = () =>
    Promise.all(homes.map(({ household }) => pg.push([new TestDevice("tablet").edit(DOOR, {})], { household })));
  const results = await commitTogether({ lost: "answer", meanwhile }, homes.slice(0, -1));
  expect(results.map(({ status }) => status)).toEqual(results.map(() => "fulfilled"));
  const written = await Promise.all(homes.slice(0, -1).map(({ versions }) => versions()));
  expect(written.map((versions) => versions.length - 1)).toEqual(ATTEMPTS.slice(0, -1).map(({ writes }) => writes));
});

test.each(["request", "answer"] as const)("a commit on its own, too, is answered when its %s is lost", async (lost) => {
  for (const [n, { job, writes }] of ATTEMPTS.entries()) {
    const home = await furnish(`alone-${n}`);
    await wired.log.whenIdle();
    wire.loseCommit({ lost });
    const result = await wired.log.commit(job(home));
    expect(await home.versions()).toHaveLength(writes);
    if (result.kind === "push") expect(outcomesOf(result)).toEqual(["applied", "applied"]);
  }
});

test("a push that was planned from memory is answered with its first outcomes when the answer to its COMMIT is lost", async () => {
  const { household, phone, epoch, versions } = await furnish("foreseen");
  await wired.log.commit(pushJob([phone.edit(CHAIR, {})], { household, epoch }));
  await wired.log.whenIdle();
  wire.sent.length = 0;
  wire.loseCommit({ lost: "answer" });
  const { outcomes } = await wired.log.commit(pushJob([phone.edit(DOOR, {})], { household, epoch }));
  expect(wire.sent.slice(0, 4)).toEqual(["BEGIN", "commit.lock_in_turn", "commit.write", "COMMIT"]);
  expect(outcomes).toMatchObject([{ outcome: "applied", duplicate: false }]);
  expect(await versions()).toHaveLength(2);
  expect(notices).toHaveLength(2);
});
