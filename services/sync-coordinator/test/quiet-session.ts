import { fromBinary } from "@bufbuild/protobuf";
import { type SyncStreamResponse, SyncStreamResponseSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Identity } from "@funkygibbon/kernel/identity";
import { type Epoch, parseDeviceId, parseEpoch, parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import type { Encoded } from "@funkygibbon/rpc/encoded";
import { silentLogger } from "@funkygibbon/runtime/log";
import { EncodedLogPage } from "../src/adapters/encoded-log-page.ts";
import { CursorCodec } from "../src/domain/cursor.ts";
import type { FeedListener, HouseholdFeed } from "../src/domain/ports.ts";
import type { News } from "../src/domain/session-state.ts";
import { FrameBudget } from "../src/handlers/frame-budget.ts";
import { LiveSession } from "../src/handlers/live-session.ts";
import { Sessions } from "../src/handlers/sessions.ts";
import type { Caller, SyncParts } from "../src/handlers/sync-parts.ts";

const household = parseHouseholdId("the-lovelaces");
const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const device = parseDeviceId("phone");

/** A log of empty pages that a test lets grow and renew. */
class GrowingFeed implements HouseholdFeed {
  readonly epoch = epoch;
  readonly listening = Promise.resolve();
  listener: FeedListener | undefined;
  headSeq = 7;

  grow(headSeq: number): void {
    this.headSeq = headSeq;
    this.listener?.onAdvance(headSeq);
  }

  renew(into: Epoch): void {
    this.listener?.onEpochChanged(into);
  }

  news(): News {
    return "others";
  }

  async read(afterSeq: number) {
    const position = { epoch, headSeq: this.headSeq, digest: 0n, committedUs: 0 };
    return EncodedLogPage.ofMessages({ epoch, afterSeq, throughSeq: this.headSeq, position }, []);
  }

  hint(): void {}

  wrote(): void {}

  leave(): void {}
}

/** A live session of a household at seq 7, without servers, that has not started yet. */
export interface QuietSession extends Disposable {
  readonly session: LiveSession;
  readonly feed: GrowingFeed;
  readonly caller: Caller;
  readonly parts: SyncParts;
  /** What the device has been sent. */
  readonly frames: readonly SyncStreamResponse[];
}

/** @param ports besides those that a session uses when nothing goes wrong. */
export function quietSession(ports: Partial<SyncParts> = {}): QuietSession {
  const feed = new GrowingFeed();
  const sessions = new Sessions({ maxStreams: 1, random: () => 0 });
  const nothing = async () => {};
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
    telemetry: { sessionOpened: () => {}, sessionClosed: () => {}, framesSent: () => {}, pushSettled: () => {} },
    clock: { now: () => 0 },
    random: () => 0,
    log: silentLogger(),
    ...ports,
  } as unknown as SyncParts;
  const identity: Identity = {
    ...{ household, user: parseUserId("ada"), role: "member", scopes: [] },
    ...{ device: undefined, expiresAt: Number.MAX_SAFE_INTEGER, client: undefined },
  };
  const caller = { identity, credentials: {} };
  const frames: SyncStreamResponse[] = [];
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
    caller,
    sink: { send: async (frame: Encoded) => void frames.push(fromBinary(SyncStreamResponseSchema, frame.bytes)) },
    parts,
  });
  const end = () => {
    session.abandon();
    sessions[Symbol.dispose]();
  };
  return { session, feed, caller, parts, frames, [Symbol.dispose]: end };
}
