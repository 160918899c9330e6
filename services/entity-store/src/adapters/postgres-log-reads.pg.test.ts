import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import { type HouseholdId, parseDeviceId, parseEpoch, type RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { sha256 } from "../../test/memory-log.ts";
import { PgLog } from "../../test/pg-log.ts";
import type { LogQuery } from "../domain/log-reads.ts";

let pg: PgLog;
beforeAll(async () => {
  pg = await PgLog.open();
});
afterAll(() => pg[Symbol.asyncDispose]());

function setUp(household: string) {
  const page = (query: Partial<LogQuery> = {}) =>
    pg.reads.page({
      household: household as HouseholdId,
      afterSeq: 0,
      untilSeq: undefined,
      limit: 1_000,
      maxBytes: 1_000_000,
      skipTombstonesToSeq: 0,
      ...query,
    });
  const push = (changes: Parameters<PgLog["push"]>[0]) => pg.push(changes, { household });
  return { page, push, phone: new TestDevice("phone") };
}

describe("a page of the log", () => {
  test("holds heads above a seq in order, and says up to where everything has been read", async () => {
    const { page, push, phone } = setUp("pages");
    const first = phone.edit(recordId(1), {});
    await push([first, ...[2, 3, 4].map((n) => phone.edit(recordId(n), {}))]);
    await push([phone.edit(recordId(1), { v: 2 }, { parents: [first.version] })]);
    const whole = await page();
    expect(whole.versions.map((version) => Number(version.seq))).toEqual([2, 3, 4, 5]);
    expect(whole).toMatchObject({ throughSeq: 5, position: { headSeq: 5 } });
    const some = await page({ limit: 2 });
    expect(some.versions.map((version) => Number(version.seq))).toEqual([2, 3]);
    expect(some.throughSeq).toBe(3);
    expect(await page({ afterSeq: 5 })).toMatchObject({ versions: [], throughSeq: 5 });
    expect(await page({ untilSeq: 3 })).toMatchObject({ throughSeq: 3 });
  });

  test("ends before the bodies exceed the limit, and holds one record at least", async () => {
    const { page, push, phone } = setUp("bytes");
    await push([1, 2, 3].map((n) => phone.edit(recordId(n), { text: "x".repeat(1_000) })));
    const two = await page({ maxBytes: 2_500 });
    expect(two.versions).toHaveLength(2);
    expect(two.throughSeq).toBe(2);
    expect((await page({ maxBytes: 10 })).versions).toHaveLength(1);
  });

  test("counts the stamps too: a body of short keys has stamps of many times its size", async () => {
    const { page, push, phone } = setUp("stamps");
    const keys = Array.from({ length: 100 }, (_, n) => `k${n}`);
    const hub = parseDeviceId("hub");
    const stamps = keys.map((key, sequence) => ({
      stamp: { device: hub, sequence, effectiveUs: sequence + 1 },
      keys: [key],
    }));
    const body = Object.fromEntries(keys.map((key) => [key, 1]));
    const heal = { author: "ada", device: "phone", stamps: () => stamps, effectiveUs: 1_000 };
    await push([1, 2, 3].map((n) => phone.edit(recordId(n), body, { heal })));
    // Each is three kilobytes, of which more than two are stamps.
    expect((await page({ maxBytes: 7_000 })).versions).toHaveLength(2);
  });

  test("leaves out tombstones up to a seq, for replicas that begin empty", async () => {
    const { page, push, phone } = setUp("tombstones");
    const [a, b] = [phone.edit(recordId(1), {}), phone.edit(recordId(2), {})];
    await push([a, b]);
    await push([phone.remove(recordId(1), [a.version])]);
    await push([phone.remove(recordId(2), [b.version])]);
    expect((await page({ skipTombstonesToSeq: 3 })).versions.map((version) => version.recordId)).toEqual([recordId(2)]);
    expect((await page({ skipTombstonesToSeq: 4 })).throughSeq).toBe(4);
  });

  test("is of one snapshot with head seq and digest, whatever is committed meanwhile", async () => {
    const { page, push, phone } = setUp("snapshot");
    await push([phone.edit(recordId(1), {})]);
    let writing = true;
    const writer = (async () => {
      for (let n = 2; n <= 60; n++) {
        const head = (await page()).versions.find((version) => version.recordId === recordId(n - 1));
        await push([phone.edit(recordId(n), {}), phone.remove(recordId(n - 1), [head?.version ?? ""])]);
      }
      writing = false;
    })();
    const seen = new Set<number>();
    while (writing) {
      const { versions, position, throughSeq } = await page();
      let digest = 0n;
      for (const { recordId: record, version, deleted } of versions) {
        if (!deleted) digest = addToDigest(digest, digestTerm(record as RecordId, version as VersionId, sha256));
      }
      expect(digest).toBe(position.digest);
      expect([Number(versions.at(-1)?.seq), throughSeq]).toEqual([position.headSeq, position.headSeq]);
      seen.add(position.headSeq);
    }
    await writer;
    expect(seen.size).toBeGreaterThan(3);
  });

  test("of an unknown household is NOT_FOUND", async () => {
    const { page } = setUp("nobody");
    await expect(page()).rejects.toMatchObject({ kind: "not-found" });
  });
});

test("the durable clock names each device's newest version by sequence, and no server-minted one", async () => {
  const { push, phone } = setUp("clocks");
  const panel = new TestDevice("panel");
  const late = phone.edit(recordId(1), {});
  const newest = phone.edit(recordId(2), {});
  await push([newest]);
  await push([late]);
  const other = panel.edit(recordId(3), {});
  await push([other]);
  await pg.api(
    { kind: "delete", record: recordId(3) as never, recordKind: "entity", expected: "any" },
    { household: "clocks" as HouseholdId },
  );
  const { versions, position } = await pg.reads.clocks("clocks" as HouseholdId);
  expect(Object.fromEntries(versions)).toEqual({ phone: newest.version, panel: other.version });
  expect(position.headSeq).toBe(4);
});

describe("the epoch", () => {
  test("changes when PostgreSQL is not the one that was remembered, once, whoever asks", async () => {
    await using store = await PgLog.open();
    const phone = new TestDevice("phone");
    const before = await store.epoch();
    const check = () =>
      store.database.inTransaction({ households: "positions-only" }, (tx) =>
        tx.query<{ renewed: boolean }>({ name: "test.check", text: "select check_cluster_identity() as renewed" }),
      );
    expect(await check()).toEqual([{ renewed: false }]);
    expect(await check()).toEqual([{ renewed: false }]);
    await store.test.sql("update cluster_identity set timeline = timeline + 1");
    const answers = await Promise.all([check(), check(), check()]);
    expect(answers.flat().filter(({ renewed }) => renewed)).toHaveLength(1);
    const after = (await store.reads.position("home" as HouseholdId)).epoch;
    expect(after).not.toBe(before);
    expect(after).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await expect(store.push([phone.edit(recordId(1), {})])).rejects.toMatchObject({ reason: "EPOCH_CHANGED" });
  });

  test("is younger than the one before, although the clock of the machine was set back since", async () => {
    await using store = await PgLog.open();
    await store.epoch();
    const ahead = "0ffff3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";
    await store.test.sql("update households set epoch = $1", [ahead]);
    await store.test.sql("select renew_epochs()");
    const { epoch } = await store.reads.position("home" as HouseholdId);
    expect(epoch > ahead).toBe(true);
    expect(parseEpoch(epoch)).toBe(epoch);
  });
});
