import { setTimeout as sleep } from "node:timers/promises";
import { fromBinary } from "@bufbuild/protobuf";
import type { EventBus } from "@funkygibbon/events/connection";
import { everyHousehold } from "@funkygibbon/events/subjects";
import {
  type Committed,
  CommittedSchema,
  type ConflictChanged,
  ConflictChangedSchema,
} from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { type Clock, systemClock } from "@funkygibbon/kernel/clock";
import { unavailable } from "@funkygibbon/kernel/errors";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestEvents, type TestEvents } from "../../../../test/support/test-events.ts";
import { recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import { Relay, type RelayLag } from "./relay.ts";

let events: TestEvents;
let bus: EventBus;
beforeAll(async () => {
  events = await createTestEvents();
  bus = await events.connect();
  await bus.ensureStream();
});
afterAll(() => events[Symbol.asyncDispose]());

/** The bus, which a test can take away. */
function switchable(inner: EventBus) {
  let down = false;
  const messageIds: (string | undefined)[] = [];
  const listeners = new Set<(available: boolean) => void>();
  const outer: EventBus = {
    get available() {
      return !down && inner.available;
    },
    publish(subject, data, options) {
      if (down) return Promise.reject(unavailable("NATS is away"));
      messageIds.push(options?.messageId);
      return inner.publish(subject, data, options);
    },
    subscribe: (...args) => inner.subscribe(...args),
    ensureStream: (...args) => inner.ensureStream(...args),
    onAvailabilityChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ping: () => inner.ping(),
    [Symbol.asyncDispose]: async () => {},
  };
  const turn = (available: boolean) => {
    down = !available;
    for (const listener of listeners) listener(available);
  };
  return { outer, turn, messageIds };
}

async function setUp(household: string) {
  const stack = new AsyncDisposableStack();
  let relay: Relay | undefined;
  const pg = await PgLog.open({ onCommit: (notice) => relay?.onCommit(notice) });
  stack.defer(() => pg[Symbol.asyncDispose]());
  const { outer, turn, messageIds } = switchable(bus);
  const lags: RelayLag[] = [];
  const heard: Committed[] = [];
  const conflicts: ConflictChanged[] = [];
  stack.use(
    bus.subscribe(everyHousehold("committed"), ({ data }) => {
      const event = fromBinary(CommittedSchema, data);
      if (event.householdId === household) heard.push(event);
    }),
  );
  stack.use(
    bus.subscribe(everyHousehold("conflict"), ({ data }) => {
      const event = fromBinary(ConflictChangedSchema, data);
      if (event.householdId === household) conflicts.push(event);
    }),
  );
  await bus.ping();
  const start = (clock: Clock = systemClock) => {
    const database = pg.test.open({ role: "funkygibbon_relay" });
    const started = new Relay({
      database,
      events: outer,
      clock,
      log: silentLogger(),
      sweepIntervalMs: 50,
      onLag: (lag) => lags.push(lag),
    });
    stack.use(started);
    return started;
  };
  const relayed = async (of = household) => {
    const [row] = await pg.test.sql<{ relayed_seq: string }>(
      "select relayed_seq from relay_positions where household_id = $1",
      [of],
    );
    return Number(row?.relayed_seq);
  };
  return {
    pg,
    turn,
    messageIds,
    lags,
    heard,
    conflicts,
    relayed,
    push: (changes: Parameters<PgLog["push"]>[0], to = household) => pg.push(changes, { household: to }),
    startRelay: () => {
      relay = start();
      return relay;
    },
    startSecond: start,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 500; n++) {
    if (await condition()) return;
    await sleep(10);
  }
  expect.fail("it never happened");
}

test("a commit is told at once, with its heads and where the log stands, and the position follows", async () => {
  await using home = await setUp("relay-1");
  home.startRelay();
  const phone = new TestDevice("phone");
  const a = phone.edit(recordId(1), { v: 1 });
  const result = await home.push([a, phone.edit(recordId(1), { v: 2 }, { parents: [a.version] })]);
  await until(() => home.heard.length === 1);
  expect(home.heard[0]).toMatchObject({
    epoch: result.position.epoch,
    fromSeq: 1n,
    toSeq: 2n,
    originDeviceId: "phone",
    inline: true,
    atHead: true,
    digest: result.position.digest,
    versions: [{ seq: 2n, content: { value: { bodyJson: '{"v":2}' } } }],
  });
  await until(async () => (await home.relayed()) === 2);
});

test("a commit that does not fit is told without its versions", async () => {
  await using home = await setUp("relay-2");
  home.startRelay();
  const phone = new TestDevice("phone");
  await home.push([1, 2].map((n) => phone.edit(recordId(n), { text: "x".repeat(40_000) })));
  await until(() => home.heard.length === 1);
  expect(home.heard[0]).toMatchObject({ inline: false, versions: [], fromSeq: 1n, toSeq: 2n });
});

test("I8: commits go on while NATS is away, and are told in order when it is back", async () => {
  await using home = await setUp("relay-3");
  home.startRelay();
  home.turn(false);
  const phone = new TestDevice("phone");
  for (let n = 1; n <= 3; n++) await home.push([phone.edit(recordId(n), { n })]);
  await until(() => (home.lags.at(-1)?.versions ?? 0) === 3);
  expect(home.heard).toEqual([]);
  home.turn(true);
  await until(() => home.heard.length === 3);
  expect(home.heard.map((event) => [event.fromSeq, event.toSeq, event.originDeviceId])).toEqual([
    [1n, 1n, "phone"],
    [2n, 2n, "phone"],
    [3n, 3n, "phone"],
  ]);
  await until(async () => (await home.relayed()) === 3);
  await until(() => home.lags.at(-1)?.versions === 0);
});

test("what a process did not tell before it died is found by the sweep of another, once by two of them", async () => {
  await using home = await setUp("relay-4");
  const phone = new TestDevice("phone");
  const a = phone.edit(recordId(1), { v: 1 });
  await home.push([a, phone.edit(recordId(2), {})]);
  await home.push([phone.edit(recordId(1), { v: 2 }, { parents: [a.version] })]);
  home.startRelay();
  home.startSecond();
  await until(async () => (await home.relayed()) === 3);
  await sleep(150);
  expect(home.heard.map((event) => [event.fromSeq, event.toSeq, event.atHead])).toEqual([
    [1n, 2n, false],
    [3n, 3n, true],
  ]);
  // Of the first commit only what is still head.
  expect(home.heard[0]?.versions.map((version) => version.recordId)).toEqual([recordId(2)]);
});

test("what is told again bears the same message id, so that JetStream keeps it once", async () => {
  await using home = await setUp("relay-6");
  home.startRelay();
  const phone = new TestDevice("phone");
  const { position } = await home.push([phone.edit(recordId(1), {}), phone.edit(recordId(2), {})]);
  await until(async () => (await home.relayed()) === 2);
  // As if it had died before it moved the position.
  await home.pg.test.sql("update relay_positions set relayed_seq = 0 where household_id = 'relay-6'");
  await until(() => home.heard.length === 2);
  await until(async () => (await home.relayed()) === 2);
  const id = `relay-6:${position.epoch}:2`;
  expect(home.messageIds).toEqual([id, id]);
});

test("a log that is longer than one reading is told to its end, in order, each commit by itself", async () => {
  await using home = await setUp("relay-7");
  const phone = new TestDevice("phone");
  const sizes = [600, 600, 1, 900];
  let n = 0;
  for (const size of sizes) await home.push(Array.from({ length: size }, () => phone.edit(recordId(++n), {})));
  home.startRelay();
  await until(async () => (await home.relayed()) === n);
  const stretches = home.heard.map(({ fromSeq, toSeq }) => [Number(fromSeq), Number(toSeq)]);
  // A reading may end within a commit, and then the rest of it comes next.
  expect(stretches).toEqual([
    [1, 600],
    [601, 1000],
    [1001, 1200],
    [1201, 1201],
    [1202, 2000],
    [2001, 2101],
  ]);
  expect(home.heard.at(-1)).toMatchObject({ atHead: true });
});

test("a commit of which no event can be made holds up no other household, and what came before it is told once", async () => {
  await using home = await setUp("relay-8");
  const phone = new TestDevice("phone");
  await home.push([phone.edit(recordId(1), {})], "relay-broken");
  await home.push([phone.edit(recordId(2), {})], "relay-broken");
  await home.push([phone.edit(recordId(1), {})]);
  await home.pg.test.sql(
    "update record_versions set stamps = 'no stamps' where household_id = 'relay-broken' and seq = 2",
  );
  home.startRelay();
  await until(async () => (await home.relayed()) === 1);
  const sweeps = home.lags.length;
  await until(() => home.lags.length > sweeps + 2);
  expect(await home.relayed("relay-broken")).toBe(1);
  expect(home.messageIds.map((id) => id?.replace(/:.*:/, ":"))).toEqual(["relay-broken:1", "relay-8:1"]);
  expect(home.lags.at(-1)).toMatchObject({ households: 1, versions: 1 });
});

test("what a process did not tell is found also by one whose clock is behind, or was set back since the commit", async () => {
  await using home = await setUp("relay-9");
  home.startSecond({ now: () => systemClock.now() - 3_600_000_000 });
  await until(() => home.lags.length > 1);
  await home.push([new TestDevice("phone").edit(recordId(1), {})]);
  await until(async () => (await home.relayed()) === 1);
});

test("conflicts are told as they are now", async () => {
  await using home = await setUp("relay-5");
  home.startRelay();
  const phone = new TestDevice("phone");
  const lost = phone.edit(recordId(1), {});
  await home.push([phone.edit(recordId(1), {}, { parents: [lost.version] })]);
  await until(() => home.conflicts.length === 1);
  expect(home.conflicts[0]?.conflict).toMatchObject({ recordId: recordId(1), etag: "1" });
});
