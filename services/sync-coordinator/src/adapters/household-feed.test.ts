import { create, toBinary } from "@bufbuild/protobuf";
import { ReadLogResponseSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { RecordVersionSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { parseDeviceId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { silentLogger } from "@funkygibbon/runtime/log";
import { describe, expect, it, vi } from "vitest";
import type { FeedListener } from "../domain/ports.ts";
import { EncodedLogPage } from "./encoded-log-page.ts";
import { LogFeed } from "./household-feed.ts";

const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const younger = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5affffffff");
const household = parseHouseholdId("the-lovelaces");
const [phone, panel] = [parseDeviceId("phone"), parseDeviceId("panel")];
const version = (seq: number) =>
  create(RecordVersionSchema, { seq: BigInt(seq), recordId: `r${seq}`, deviceId: "phone" });
const range = (after: number, through: number) =>
  Array.from({ length: through - after }, (_, index) => version(after + index + 1));

/** A log that grows when the test says so, and a feed of it. */
function world(start: { headSeq: number }) {
  let headSeq = start.headSeq;
  let logEpoch: string = epoch;
  const readLog = vi.fn(async ({ afterSeq }: { afterSeq: number }) =>
    create(ReadLogResponseSchema, {
      versions: range(afterSeq, headSeq).map((one) => toBinary(RecordVersionSchema, one)),
      throughSeq: BigInt(headSeq),
      position: { epoch: logEpoch, headSeq: BigInt(headSeq), digest: BigInt(headSeq) },
    }),
  );
  const onEnd = vi.fn();
  const known = { position: { epoch, headSeq, digest: BigInt(headSeq), committedUs: 0 }, versions: {} };
  const clocks = { read: async () => undefined, raise: vi.fn(async () => {}) };
  const telemetry = { logRead: () => {} };
  const feed = new LogFeed(known, { household, readLog, clocks, telemetry, log: silentLogger(), onEnd });
  const listener = {
    onAdvance: vi.fn<FeedListener["onAdvance"]>(),
    onSettled: vi.fn<FeedListener["onSettled"]>(),
    onEpochChanged: vi.fn<FeedListener["onEpochChanged"]>(),
    onSyncRequested: vi.fn<FeedListener["onSyncRequested"]>(),
    onSuperseded: vi.fn<FeedListener["onSuperseded"]>(),
    onForgotten: vi.fn<FeedListener["onForgotten"]>(),
    onConflictChanged: vi.fn<FeedListener["onConflictChanged"]>(),
  };
  feed.join(listener);
  return {
    feed,
    listener,
    readLog,
    clocks,
    onEnd,
    grow: (through: number) => {
      headSeq = through;
    },
    renewLog: () => {
      logEpoch = younger;
    },
  };
}

const event = (after: number, through: number, options: { inline?: boolean; atHead?: boolean; epoch?: string } = {}) =>
  create(CommittedSchema, {
    epoch: options.epoch ?? epoch,
    fromSeq: BigInt(after + 1),
    toSeq: BigInt(through),
    inline: options.inline ?? true,
    versions: (options.inline ?? true) ? range(after, through) : [],
    atHead: options.atHead ?? true,
    digest: BigInt(through),
  });
const seqs = async (page: ReturnType<LogFeed["read"]>) => (await page).entries.map(({ seq }) => seq);

describe("LogFeed", () => {
  it("serves what this process has committed itself without an event and without reading the log", async () => {
    const { feed, listener, readLog } = world({ headSeq: 7 });
    const written = (after: number, through: number) =>
      EncodedLogPage.ofMessages(
        {
          epoch,
          afterSeq: after,
          throughSeq: through,
          position: { epoch, headSeq: through, digest: BigInt(through), committedUs: 0 },
        },
        range(after, through),
      );
    feed.wrote(written(7, 9));
    feed.wrote(written(9, 10));
    expect(listener.onAdvance.mock.calls).toEqual([[9], [10]]);
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9, 10]);
    expect((await feed.read(7, 0)).position.digest).toBe(10n);
    feed.committed(event(7, 9));
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9, 10]);
    expect(readLog).not.toHaveBeenCalled();
  });

  it("keeps four mebibytes of pages while its household writes, and one when it has rested for two seconds", async () => {
    vi.useFakeTimers();
    try {
      const { feed, readLog, grow } = world({ headSeq: 0 });
      grow(8);
      for (let seq = 1; seq <= 8; seq += 1) {
        const position = { epoch, headSeq: seq, digest: BigInt(seq), committedUs: 0 };
        const content = { case: "entity", value: { bodyJson: "x".repeat(600 * 1024) } } as const;
        const large = create(RecordVersionSchema, { seq: BigInt(seq), content });
        feed.wrote(EncodedLogPage.ofMessages({ epoch, afterSeq: seq - 1, throughSeq: seq, position }, [large]));
        await vi.advanceTimersByTimeAsync(1_999);
      }
      expect(await seqs(feed.read(2, 0))).toEqual([3]);
      expect(readLog).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect(await seqs(feed.read(7, 0))).toEqual([8]);
      expect(readLog).not.toHaveBeenCalled();
      await feed.read(6, 0);
      expect(readLog).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  });

  it("reads the log for what was committed between two commits of this process", async () => {
    const { feed, readLog, grow } = world({ headSeq: 7 });
    const position = { epoch, headSeq: 10, digest: 10n, committedUs: 0 };
    grow(10);
    feed.wrote(EncodedLogPage.ofMessages({ epoch, afterSeq: 9, throughSeq: 10, position }, range(9, 10)));
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9, 10]);
    expect(readLog).toHaveBeenCalledOnce();
  });

  it("answers a session that has everything without reading the log", async () => {
    const { feed, readLog } = world({ headSeq: 7 });
    const page = await feed.read(7, 0);
    expect({ through: page.throughSeq, digest: page.position.digest }).toEqual({ through: 7, digest: 7n });
    expect(readLog).not.toHaveBeenCalled();
  });

  it("serves small events from memory, several at a time to a session that lags a little", async () => {
    const { feed, listener, readLog } = world({ headSeq: 7 });
    feed.committed(event(7, 8));
    feed.committed(event(8, 10));
    expect(listener.onAdvance.mock.calls).toEqual([[8], [10]]);
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9, 10]);
    expect(await seqs(feed.read(8, 0))).toEqual([9, 10]);
    expect(feed.news(9, panel)).toBe("others");
    expect(readLog).not.toHaveBeenCalled();
  });

  it("knows whose edits are new without reading the log, or that it does not know", () => {
    const { feed } = world({ headSeq: 7 });
    feed.committed(event(7, 8));
    feed.committed(event(8, 9));
    expect(feed.news(7, phone)).toBe("own");
    expect(feed.news(7, panel)).toBe("others");
    expect(feed.news(6, phone)).toBe("unknown");
    feed.committed(event(9, 10, { inline: false }));
    expect(feed.news(8, phone)).toBe("unknown");
  });

  it("reads the log once for all sessions when an event was lost or too large", async () => {
    const { feed, readLog, grow } = world({ headSeq: 7 });
    grow(12);
    feed.committed(event(7, 12, { inline: false }));
    const pages = await Promise.all([feed.read(7, 0), feed.read(7, 0), feed.read(7, 0)]);
    expect(pages.map(({ throughSeq }) => throughSeq)).toEqual([12, 12, 12]);
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9, 10, 11, 12]);
    expect(readLog).toHaveBeenCalledTimes(1);
  });

  it("reads the log for what an event tells late, which leaves out what was replaced since", async () => {
    const { feed, readLog, grow } = world({ headSeq: 7 });
    grow(9);
    feed.committed(event(7, 8, { atHead: false }));
    expect(feed.news(7, panel)).toBe("unknown");
    const page = await feed.read(7, 0);
    expect({ through: page.throughSeq, snapshot: page.snapshotSeq }).toEqual({ through: 9, snapshot: 9 });
    expect(readLog).toHaveBeenCalledTimes(1);
  });

  it("never gives a record twice when events repeat, overlap or come late", async () => {
    const { feed, readLog, grow } = world({ headSeq: 7 });
    feed.committed(event(7, 9));
    feed.committed(event(7, 9));
    feed.committed(event(7, 8));
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9]);
    grow(11);
    feed.committed(event(8, 11));
    expect(await seqs(feed.read(8, 0))).toEqual([9, 10, 11]);
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9, 10, 11]);
    expect(readLog).toHaveBeenCalledTimes(1);
  });

  it("never serves a pull from empty from memory, where a record may live whose tombstone would be left out", async () => {
    const { feed, readLog, grow } = world({ headSeq: 0 });
    feed.committed(event(0, 2));
    feed.committed(event(2, 3));
    grow(3);
    await feed.read(0, 3);
    expect(readLog).toHaveBeenCalledWith({ household, afterSeq: 0, tombstonesAboveSeq: 3 });
  });

  it("keeps a bounded number of pages and reads the log for what it has dropped", async () => {
    const { feed, readLog, grow } = world({ headSeq: 0 });
    for (let seq = 0; seq < 2_000; seq += 1) feed.committed(event(seq, seq + 1));
    grow(2_000);
    expect(feed.news(0, phone)).toBe("unknown");
    expect(feed.news(1_990, phone)).toBe("own");
    await feed.read(0, 0);
    expect(readLog).toHaveBeenCalledTimes(1);
  });

  it("says once that the log has settled, with the digest at its head", async () => {
    const { feed, listener } = world({ headSeq: 7 });
    feed.committed(event(7, 8));
    feed.committed(event(8, 9));
    await expect.poll(() => listener.onSettled.mock.calls.length).toBe(1);
    expect(listener.onSettled.mock.calls[0]?.[0].clock.position).toMatchObject({ headSeq: 9, digest: 9n });
  });

  it("finds the digest in the log when no event carried it", async () => {
    const { feed, listener, readLog, grow } = world({ headSeq: 7 });
    grow(8);
    feed.committed(event(7, 8, { atHead: false }));
    await expect.poll(() => listener.onSettled.mock.calls.length).toBe(1);
    expect(readLog).toHaveBeenCalledTimes(1);
  });

  it("gives the event of a commit of our own a moment before it reads the log", async () => {
    const { feed, listener } = world({ headSeq: 7 });
    feed.hint(8);
    expect(listener.onAdvance).not.toHaveBeenCalled();
    await expect.poll(() => listener.onAdvance.mock.calls).toEqual([[8]]);
  });

  it("finds by a poll what no event told", async () => {
    const { feed, listener, grow } = world({ headSeq: 7 });
    grow(9);
    await feed.poll();
    expect(listener.onAdvance).toHaveBeenCalledWith(9);
    expect(await seqs(feed.read(7, 0))).toEqual([8, 9]);
  });

  it("sends everybody away when the log was renewed, however it learns of it, and ignores events of older epochs", async () => {
    const byEvent = world({ headSeq: 7 });
    byEvent.feed.committed(event(0, 99, { epoch: "0092f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21" }));
    expect(byEvent.feed.headSeq).toBe(7);
    byEvent.feed.committed(event(0, 1, { epoch: younger }));
    expect(byEvent.listener.onEpochChanged).toHaveBeenCalledWith(younger);
    expect(byEvent.onEnd).toHaveBeenCalledTimes(1);

    const byRead = world({ headSeq: 7 });
    byRead.renewLog();
    await expect(byRead.feed.read(3, 0)).rejects.toMatchObject({ reason: "EPOCH_CHANGED" });
    expect(byRead.listener.onEpochChanged).toHaveBeenCalledWith(younger);
    // Or those who come back would be shown the old log's clock again.
    const position = expect.objectContaining({ epoch: younger });
    expect(byRead.clocks.raise).toHaveBeenCalledWith(expect.objectContaining({ household, position }));
  });

  it("ends with its last session", () => {
    const { feed, listener, onEnd } = world({ headSeq: 7 });
    feed.leave(listener);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });
});
