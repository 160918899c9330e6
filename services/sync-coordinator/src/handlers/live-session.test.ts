import { fromBinary } from "@bufbuild/protobuf";
import { SyncStreamResponseSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseDeviceId, parseEpoch, parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import type { Encoded } from "@funkygibbon/rpc/encoded";
import { silentLogger } from "@funkygibbon/runtime/log";
import { expect, it, vi } from "vitest";
import { EncodedLogPage } from "../adapters/encoded-log-page.ts";
import { CursorCodec } from "../domain/cursor.ts";
import type { FeedListener, HouseholdFeed } from "../domain/ports.ts";
import { FrameBudget } from "./frame-budget.ts";
import { LiveSession } from "./live-session.ts";
import { Sessions } from "./sessions.ts";
import type { SyncParts } from "./sync-parts.ts";

const household = parseHouseholdId("the-lovelaces");
const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const device = parseDeviceId("phone");

/** A log of empty pages that a test lets grow. */
class GrowingFeed implements HouseholdFeed {
  readonly epoch = epoch;
  readonly listening = Promise.resolve();
  listener: FeedListener | undefined;
  headSeq = 7;

  grow(headSeq: number): void {
    this.headSeq = headSeq;
    this.listener?.onAdvance(headSeq);
  }

  isCached(): boolean {
    return true;
  }

  async read(afterSeq: number) {
    const position = { epoch, headSeq: this.headSeq, digest: 0n, committedUs: 0 };
    return EncodedLogPage.ofMessages({ epoch, afterSeq, throughSeq: this.headSeq, position }, []);
  }

  hint(): void {}

  wrote(): void {}

  leave(): void {}
}

it("reads and says nothing before its welcome, although the log has moved by then", async () => {
  const feed = new GrowingFeed();
  using sessions = new Sessions({ maxStreams: 1, random: () => 0 });
  const nothing = vi.fn(async () => {});
  // The ports that a session uses when nothing goes wrong.
  const parts = {
    feeds: {
      join: (_household: unknown, _known: unknown, listener: FeedListener) => Object.assign(feed, { listener }),
    },
    sessions,
    cursors: new CursorCodec(() => new Uint8Array(16)),
    frameBudget: new FrameBudget(1_000_000),
    registry: { acknowledge: nothing },
    leases: { renew: async () => true, release: nothing },
    presence: { arrived: nothing, left: nothing },
    announcements: { presence: () => {} },
    telemetry: { sessionOpened: () => {}, sessionClosed: () => {}, framesSent: () => {} },
    clock: { now: () => 0 },
    random: () => 0,
    log: silentLogger(),
  } as unknown as SyncParts;
  const said: string[] = [];
  const session = new LiveSession({
    kind: "stream",
    ref: { household, device, session: "1" },
    admission: {
      ref: { household, device },
      ground: { household, epoch },
      clock: { position: { epoch, headSeq: 7, digest: 0n, committedUs: 0 }, versions: {} },
      from: { seq: 7, tombstonesAboveSeq: 0, snapshotSeq: 0 },
      client: { clientVersion: "", platform: "" },
    },
    caller: {
      identity: {
        ...{ household, user: parseUserId("ada"), role: "member", scopes: [] },
        ...{ device: undefined, expiresAt: Number.MAX_SAFE_INTEGER, client: undefined },
      },
      credentials: {},
    },
    sink: {
      async send(frame: Encoded) {
        const { frame: spoken } = fromBinary(SyncStreamResponseSchema, frame.bytes);
        said.push(spoken.case === "upToDate" ? `up to date at ${spoken.value.headSeq}` : String(spoken.case));
      },
    },
    parts,
  });
  feed.grow(8);
  await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([]);

  session.start();
  await expect.poll(() => said).toEqual(["up to date at 8"]);
  session.abandon();
});
