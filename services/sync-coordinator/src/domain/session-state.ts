import type { Micros } from "@funkygibbon/kernel/clock";
import type { GoAwayReason } from "./go-away.ts";
import type { Footprint } from "./pushed-change.ts";

/** Frames with changes that may be unacknowledged; the server then waits. */
export const CREDIT_FRAMES = 4;
/** Pushes that may be unanswered on one stream. */
export const MAX_OPEN_PUSHES = 2;
/** Something is said at least this often, and expected from the device. */
export const HEARTBEAT_US = 15_000_000;
/** A device that is silent for this long is gone; so is one that takes nothing for this long. */
export const SILENCE_US = 45_000_000;
/** A session that is about to end waits this long for its pushes. */
export const FINISHING_US = 5_000_000;
/**
 * A device's own edits come back to it as stamps, once they are answered, and together, once the log is at rest or has
 * something for it besides: they tell it nothing that it waits for. Longer than this they do not wait.
 */
export const ECHO_DELAY_US = 1_000_000;

/** What is above the seq that a session has read: the device's own edits alone, others' too, or only the log can tell. */
export type News = (typeof NEWS)[number];
export const NEWS = ["own", "others", "unknown"] as const;

/**
 * What gives back the right to send changes: the device's acks (streams), or the transport taking the frame (Subscribe,
 * whose acks come by another call).
 */
export type Pacing = "credit" | "transport";

/** A push from its arrival until the transport has taken its answer. */
export interface OpenPush {
  readonly id: number;
  readonly footprint: Footprint;
  /** `waiting` for an earlier push that it meets, `committing`, `settled` but not its turn yet, `answering`. */
  readonly stage: "waiting" | "committing" | "settled" | "answering";
}

/** A page of the log as far as the session needs to know it; the page itself stays with whoever runs the session. */
export interface PageFacts {
  /** Everything up to here is in the page or was replaced by something above it. */
  readonly throughSeq: number;
  /** Records in it that this session shall be sent. */
  readonly records: number;
  /** The newest head of the log among the snapshots that the page is from. */
  readonly snapshotSeq: number;
}

/**
 * - `open`: everything goes.
 * - `finishing`: no new push and no more changes; open pushes are still answered, then the session closes.
 * - `closed`: nothing counts any more.
 */
export type SessionPhase =
  | { readonly name: "open" }
  | { readonly name: "finishing"; readonly reason: GoAwayReason | undefined; readonly sinceUs: Micros }
  | { readonly name: "closed" };

/** A session between hello and end. Bounded: at most four frames and two pushes, whatever the device does. */
export interface SessionState {
  readonly phase: SessionPhase;
  readonly pacing: Pacing;
  /** The newest seq that the log is known to have. */
  readonly headSeq: number;
  /** Up to here the log has been read for this session. */
  readonly readSeq: number;
  /** The newest head among the snapshots of what has been read: nothing is up to date before it. */
  readonly snapshotSeq: number;
  /** Up to here everything has been given to the transport. */
  readonly sentSeq: number;
  /** Up to here the device has said that it is stored. */
  readonly ackedSeq: number;
  /** The seq of the last up_to_date; -1: none yet, what is sent is backlog. */
  readonly toldSeq: number;
  /** The head at which the log was last at rest, with a known digest; -1: never since the session began. */
  readonly settledSeq: number;
  /** A page is on its way from the log. */
  readonly reading: boolean;
  /** A page that waits for the transport to take the frame before it. */
  readonly ready: PageFacts | undefined;
  /** Since when the transport has had a frame that it has not taken; undefined: it has none. */
  readonly sendingSinceUs: Micros | undefined;
  /** The number of the last frame. */
  readonly lastFrameId: number;
  /** Numbers of frames that are not acknowledged, oldest first. */
  readonly unackedFrames: readonly number[];
  readonly lastPushId: number;
  /** In the order of their arrival. */
  readonly pushes: readonly OpenPush[];
  /** Until then the log is not read, because there may be nothing in it but the device's own edits; 0: not delayed. */
  readonly readNotBeforeUs: Micros;
  /** What is above `readSeq`. */
  readonly news: News;
  readonly heardUs: Micros;
  readonly spokeUs: Micros;
  readonly tokenEndsUs: Micros;
}

/** What happens to a session. */
export type SessionEvent =
  | { readonly type: "log-advanced"; readonly headSeq: number; readonly news: News }
  | { readonly type: "page-read"; readonly page: PageFacts }
  /** The log could not be read; it is tried again at the next wake. */
  | { readonly type: "read-failed" }
  /** The transport has taken the last frame with changes. */
  | { readonly type: "frame-taken" }
  /** Nothing has moved for a moment and the digest at `headSeq` is known. */
  | { readonly type: "settled"; readonly headSeq: number }
  | { readonly type: "push"; readonly id: number; readonly footprint: Footprint }
  | { readonly type: "push-settled"; readonly id: number }
  /** The transport has taken the answer. */
  | { readonly type: "answer-taken"; readonly id: number }
  | { readonly type: "ack"; readonly frameId: number; readonly seq: number }
  /** Any other frame of the device. */
  | { readonly type: "heard" }
  | { readonly type: "token"; readonly endsUs: Micros }
  | { readonly type: "tick" }
  /** The device has said its last. */
  | { readonly type: "device-ended" }
  | { readonly type: "leave"; readonly reason: GoAwayReason };

/** What is to be done; in this order. */
export type SessionEffect =
  /** Read the log above this seq. */
  | { readonly type: "read"; readonly afterSeq: number }
  /** Give the page that was read last to the transport. */
  | { readonly type: "send-page"; readonly frameId: number; readonly backlog: boolean }
  /** Say up_to_date at the head of the last page, or of the settled log. */
  | { readonly type: "tell-up-to-date" }
  | { readonly type: "commit"; readonly id: number }
  | { readonly type: "answer"; readonly id: number }
  /** The device has stored everything up to here. */
  | { readonly type: "acknowledged"; readonly seq: number }
  | { readonly type: "heartbeat" }
  /** Come back with a tick at this time. */
  | { readonly type: "wake"; readonly atUs: Micros }
  /** The session is over. A reason is said first. */
  | { readonly type: "close"; readonly reason: GoAwayReason | undefined }
  /** The device has broken the protocol. */
  | { readonly type: "fail"; readonly field: string; readonly description: string };

/** What a session begins with. */
export interface SessionStart {
  readonly pacing: Pacing;
  /** The seq of the device's cursor; 0: it has nothing. */
  readonly cursorSeq: number;
  /** The newest head among the snapshots of what the device has. */
  readonly snapshotSeq: number;
  /** The newest known seq of the log. */
  readonly headSeq: number;
  readonly nowUs: Micros;
  readonly tokenEndsUs: Micros;
}

/** A session right after its welcome. */
export function beginSession(start: SessionStart): SessionState {
  return {
    phase: { name: "open" },
    pacing: start.pacing,
    headSeq: start.headSeq,
    readSeq: start.cursorSeq,
    snapshotSeq: start.snapshotSeq,
    sentSeq: start.cursorSeq,
    ackedSeq: start.cursorSeq,
    toldSeq: -1,
    settledSeq: -1,
    reading: false,
    ready: undefined,
    sendingSinceUs: undefined,
    lastFrameId: 0,
    unackedFrames: [],
    lastPushId: 0,
    pushes: [],
    readNotBeforeUs: 0,
    news: "unknown",
    heardUs: start.nowUs,
    spokeUs: start.nowUs,
    tokenEndsUs: start.tokenEndsUs,
  };
}
