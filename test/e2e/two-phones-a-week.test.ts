import type { Client } from "@funkygibbon/client/client";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { connectDevice, untilEqual } from "../support/node-device.ts";
import { TravellingPhone } from "../support/travelling-phone.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** Evenings of the week on which every record is edited. */
const EVENINGS = [1, 2, 3, 4];
const WEEK_DAYS = 7;
const LAMPS = 40;
const EDGES = 10;

/** The fifty records that both phones edit: lamps, and edges that say in which room the first ten of them are. */
interface Home {
  readonly rooms: readonly string[];
  readonly lamps: readonly string[];
  readonly edges: readonly string[];
}

type Person = "ada" | "ben";
interface Moment {
  readonly by: Person;
  readonly evening: number;
  readonly home: Home;
}
type Edit = (phone: Client, record: string, moment: Moment) => Promise<boolean>;

const update =
  (patchOf: (moment: Moment) => JsonObject, options?: Parameters<Client["update"]>[2]): Edit =>
  (phone, record, moment) =>
    phone.update(record, patchOf(moment), options);

const sameKey = update(({ by, evening }) => ({ brightness: `${by} ${evening}` }));
const ownKey = update(({ by, evening }) => ({ [`note of ${by}`]: evening }));
const ownEnd = update(({ by, evening }) => ({
  capabilities: ["on_off", ...EVENINGS.slice(0, evening).map((n) => `${by} ${n}`)],
}));
const longerName = update(({ by, evening }) => ({ name: `Lamp, says ${by}${"!".repeat(evening)}` }));
const wished = (wish: "manual" | "accept_local" | "accept_server") =>
  update(({ by, evening }) => ({ brightness: `${by} ${evening}` }), { wish });

const remove: Edit = async (phone, record) => {
  await phone.remove(record);
  return true;
};
const removeKey: Edit = (phone, record) => phone.update(record, {}, { remove: ["color"] });
const moveTo =
  (rooms: Record<Person, readonly number[]>): Edit =>
  (phone, record, { by, evening, home }) =>
    phone.edit((editor) => editor.redirect(record, { to: must(home.rooms[rooms[by][evening - 1] ?? 0], "a room") }));

/** An edit on the last evening, another one before. */
const finally_ =
  (last: Edit, before: Edit): Edit =>
  (phone, record, moment) =>
    (moment.evening === EVENINGS.at(-1) ? last : before)(phone, record, moment);
const each =
  (edits: Record<Person, Edit>): Edit =>
  (phone, record, moment) =>
    edits[moment.by](phone, record, moment);

/** What the phones do to which lamps, and to which edges. */
const TO_LAMPS: readonly [from: number, to: number, edit: Edit][] = [
  [0, 10, sameKey],
  [10, 20, ownKey],
  [20, 25, ownEnd],
  [25, 30, longerName],
  [30, 33, each({ ada: finally_(remove, ownKey), ben: ownKey })],
  [33, 35, finally_(remove, sameKey)],
  [35, 37, each({ ada: wished("manual"), ben: sameKey })],
  [37, 38, each({ ada: finally_(removeKey, ownKey), ben: update(({ evening }) => ({ color: `red ${evening}` })) })],
  [38, 39, wished("accept_server")],
  [39, 40, wished("accept_local")],
];
const TO_EDGES: readonly [from: number, to: number, edit: Edit][] = [
  [0, 4, update(({ by, evening }) => ({ since: `${by} ${evening}` }))],
  [4, 6, each({ ada: moveTo({ ada: [1, 2, 1, 2], ben: [] }), ben: ownKey })],
  [6, 8, moveTo({ ada: [1, 2, 1, 2], ben: [3, 4, 3, 4] })],
  [8, 10, each({ ada: finally_(remove, ownKey), ben: ownKey })],
];
/** The lamp that somebody deletes and restores while the phones, which delete it too, are away. */
const RESTORED = 34;

async function oneEvening(phone: Client, moment: Moment): Promise<number> {
  let edits = 0;
  const { lamps, edges } = moment.home;
  const plan = [
    ...TO_LAMPS.map(([from, to, edit]) => [lamps.slice(from, to), edit] as const),
    ...TO_EDGES.map(([from, to, edit]) => [edges.slice(from, to), edit] as const),
  ];
  for (const [records, edit] of plan) {
    for (const record of records) {
      expect(await edit(phone, record, moment)).toBe(true);
      edits += 1;
    }
  }
  return edits;
}

/** A home that is a week old, and two phones that hold it and are offline since. */
async function aWeekAgo(household: TestHousehold) {
  const url = system.urls.syncCoordinator;
  const panel = await TravellingPhone.open({
    url,
    token: household.tokens.owner,
    deviceId: "panel",
    daysAgo: WEEK_DAYS,
  });
  const home = await panel.client.edit((editor): Home => {
    const rooms = [0, 1, 2, 3, 4].map((n) => editor.create({ type: "room", body: { name: `Room ${n}` } }));
    const lamps = Array.from({ length: LAMPS }, (_, n) =>
      editor.create({
        type: "device",
        body: { name: `Lamp ${n}`, color: "white", brightness: 0, capabilities: ["on_off"] },
      }),
    );
    const to = must(rooms[0], "a room");
    const edges = lamps.slice(0, EDGES).map((from) => editor.relate({ type: "located_in", from, to }));
    return { rooms, lamps, edges };
  });
  panel.client.connect();
  await untilEqual(panel.client);
  // The store has its times of today; a week goes by.
  await system.ground.database.sql(
    "UPDATE record_versions SET effective_us = claimed_us, committed_us = claimed_us WHERE household_id = $1",
    [household.id],
  );
  const phones = await Promise.all(
    (["ada", "ben"] as const).map(async (by) => {
      const token = by === "ada" ? household.tokens.owner : household.tokens.member;
      const phone = await TravellingPhone.open({ url, token, deviceId: `${by}-phone`, daysAgo: WEEK_DAYS });
      phone.client.connect();
      await untilEqual(phone.client);
      await phone.client.disconnect();
      return { by, phone };
    }),
  );
  await panel[Symbol.asyncDispose]();
  return { home, phones };
}

/** Every version of these records that one of the phones wrote, with what became of it, from the public histories. */
async function historiesOf(household: TestHousehold, home: Home) {
  const as = { token: household.tokens.guest };
  const { entities, relationships } = system.clients;
  const histories = await Promise.all([
    ...home.lamps.map((id) => entities.getEntityHistory({ id, pageSize: 200 }, as)),
    ...home.edges.map((id) => relationships.getRelationshipHistory({ id, pageSize: 200 }, as)),
  ]);
  return histories
    .flatMap(({ entries }) => entries.flatMap(({ version }) => version ?? []))
    .filter(({ deviceId }) => deviceId.endsWith("-phone"));
}

/** How many versions of the phones stand in the log, by what became of them. */
async function outcomesInStore(household: TestHousehold) {
  const rows = await system.ground.database.sql<{ outcome: number; edits: number }>(
    `SELECT outcome, count(*)::int AS edits FROM record_versions
     WHERE household_id = $1 AND device_id LIKE '%-phone' GROUP BY outcome`,
    [household.id],
  );
  const names: Partial<Record<Outcome, string>> = {
    [Outcome.APPLIED]: "applied",
    [Outcome.MERGED]: "merged",
    [Outcome.SUPERSEDED]: "superseded",
    [Outcome.PENDING_REVIEW]: "pending",
  };
  const none = { applied: 0, merged: 0, superseded: 0, pending: 0 };
  return {
    ...none,
    ...Object.fromEntries(rows.map(({ outcome, edits }) => [names[outcome as Outcome] ?? outcome, edits])),
  };
}

const countsOf = (outcomes: Iterable<Outcome>) => {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

function graphOf({ graph }: Client, { lamps, edges, rooms }: Home) {
  return [...rooms, ...lamps, ...edges].map((id) => {
    const view = graph.entity(id as never) ?? graph.relationship(id as never);
    return view && { ...view, edited: undefined };
  });
}

describe("two phones, offline a week, two hundred edits each on the same fifty records, back at the same moment", () => {
  it("both converge, and applied + merged + superseded + pending is the number of edits made (I1, I2)", async () => {
    const household = await system.newHousehold();
    const { home, phones } = await aWeekAgo(household);
    await using stack = new AsyncDisposableStack();
    for (const { phone } of phones) stack.use(phone);

    let made = 0;
    for (const evening of EVENINGS) {
      for (const { by, phone } of phones) {
        phone.daysAgo = WEEK_DAYS - 1 - evening + (by === "ada" ? 0.25 : 0);
        made += await oneEvening(phone.client, { by, evening, home });
        // Pushed into the void, so that the next evening's edit does not take the place of this one.
        await phone.pushInVain((LAMPS + EDGES) * evening);
      }
    }
    expect(made).toBe(400);

    const owner = { token: household.tokens.owner };
    const restored = must(home.lamps[RESTORED], "a lamp");
    await system.clients.entities.deleteEntity({ id: restored, etag: "*" }, owner);
    await system.clients.entities.restoreEntity({ id: restored, etag: "*" }, owner);

    for (const { phone } of phones) phone.daysAgo = 0;
    for (const { phone } of phones) phone.client.connect();
    const clients = phones.map(({ phone }) => phone.client);
    await untilEqual(...clients);

    // Converged: with each other, and with somebody who was not there.
    const witness = stack.use(await connectDevice(system, { deviceId: "witness", token: household.tokens.guest }));
    await untilEqual(witness, ...clients);
    for (const client of clients) {
      expect(client.digest).toBe(witness.digest);
      expect(graphOf(client, home)).toEqual(graphOf(witness, home));
      expect(client.deadLetters()).toEqual([]);
    }
    expect((await system.clients.graph.checkIntegrity({}, owner)).faults).toEqual([]);

    // The count: each phone was told of two hundred, in four ways and no other, and the histories say the same.
    const histories = await historiesOf(household, home);
    for (const { phone } of phones) {
      const { lost, applied, merged, superseded, pending } = phone.tally();
      expect(lost).toBe(0);
      expect(applied + merged + superseded + pending).toBe(200);
      const kept = histories.filter(({ deviceId }) => deviceId === phone.client.deviceId);
      expect(new Set(kept.map(({ version }) => version))).toEqual(new Set(phone.answers.keys()));
      expect(countsOf(kept.map(({ outcome }) => outcome))).toEqual(countsOf(phone.answers.values()));
    }
    const tallies = phones.map(({ phone }) => phone.tally());
    for (const way of ["applied", "merged", "superseded", "pending"] as const) {
      expect(tallies.some((tally) => tally[way] > 0)).toBe(true);
    }

    // And so says PostgreSQL, asked by nobody's leave: the four ways together are all the edits that were made.
    const stored = await outcomesInStore(household);
    const { applied, merged, superseded, pending, ...others } = stored;
    expect(others).toEqual({});
    expect(applied + merged + superseded + pending).toBe(made);
    for (const way of ["applied", "merged", "superseded", "pending"] as const) {
      expect(stored[way]).toBe(tallies.reduce((sum, tally) => sum + tally[way], 0));
    }

    // The week was one: every edit counts at the hour at which it was made.
    expect(histories.every(({ effectiveUs, claimedUs }) => effectiveUs === claimedUs)).toBe(true);
    const hours = histories.map(({ effectiveUs }) => Number(effectiveUs) / 3_600_000_000);
    expect(Math.max(...hours) - Math.min(...hours)).toBeGreaterThan(72);

    expectMeaning(witness, home);
    const open = await system.clients.conflicts.listConflicts({ state: ConflictState.OPEN, pageSize: 200 }, owner);
    const waiting = histories.filter(({ outcome }) => outcome === Outcome.PENDING_REVIEW);
    expect(new Set(open.conflicts.map(({ recordId }) => recordId))).toEqual(
      new Set(waiting.map(({ recordId }) => recordId)),
    );
  });

  it("edits that nobody could have seen are squashed into one for each record, which counts for all of them", async () => {
    const household = await system.newHousehold();
    const { home, phones } = await aWeekAgo(household);
    await using stack = new AsyncDisposableStack();
    for (const { phone } of phones) stack.use(phone);
    for (const { by, phone } of phones) {
      for (const evening of EVENINGS) {
        phone.daysAgo = WEEK_DAYS - 1 - evening + (by === "ada" ? 0.25 : 0);
        expect(await oneEvening(phone.client, { by, evening, home })).toBe(50);
      }
      expect(phone.client.state.pendingEdits).toBe(50);
    }
    for (const { phone } of phones) phone.daysAgo = 0;
    for (const { phone } of phones) phone.client.connect();
    const clients = phones.map(({ phone }) => phone.client);
    await untilEqual(...clients);
    expect(graphOf(must(clients[0], "ada"), home)).toEqual(graphOf(must(clients[1], "ben"), home));
    for (const { phone } of phones) {
      const { lost, ...kept } = phone.tally();
      expect(lost).toBe(0);
      expect(Object.values(kept).reduce((sum, count) => sum + count, 0)).toBe(50);
    }
    expectMeaning(must(clients[0], "ada"), home);
  });
});

/** What people would say: who edited last has the key, own keys are all there, what was deleted is gone. */
function expectMeaning({ graph }: Client, { lamps, edges, rooms }: Home): void {
  const lamp = (index: number) => graph.entity(lamps[index] as never)?.body;
  const edge = (index: number) => graph.relationship(edges[index] as never);
  // Ben's evenings are later than Ada's.
  for (let index = 0; index < 10; index++) expect(lamp(index)).toMatchObject({ brightness: "ben 4" });
  for (let index = 10; index < 20; index++) expect(lamp(index)).toMatchObject({ "note of ada": 4, "note of ben": 4 });
  const ends = ["ada", "ben"].flatMap((by) => EVENINGS.map((evening) => `${by} ${evening}`));
  for (let index = 20; index < 25; index++) expect(lamp(index)).toMatchObject({ capabilities: [...ends, "on_off"] });
  for (let index = 25; index < 30; index++) expect(lamp(index)).toMatchObject({ name: expect.stringMatching(/!{4}$/) });
  for (let index = 30; index < 34; index++) expect(lamp(index)).toBeUndefined();
  expect(lamp(37)).toMatchObject({ color: "red 4", "note of ada": 3 });
  for (let index = 0; index < 4; index++) expect(edge(index)?.properties).toEqual({ since: "ben 4" });
  for (const index of [4, 5]) {
    expect(edge(index)).toMatchObject({ to: rooms[2], properties: { "note of ben": 4 } });
  }
  for (const index of [6, 7]) expect(edge(index)).toMatchObject({ to: rooms[4] });
  for (const index of [8, 9]) expect(edge(index)).toBeUndefined();
}
