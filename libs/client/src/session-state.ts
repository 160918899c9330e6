import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import type { PushFootprint } from "./push-planning.ts";
import type { BaseRecord, ReplicaMeta } from "./replica-record.ts";
import type { SessionEnd } from "./session-end.ts";

/** How a session begins: on from the cursor, or with a fresh base beside the one in use. */
export type SessionPlan = { readonly kind: "resume" } | { readonly kind: "fresh-base"; readonly heal: boolean };

/** A push from when its edits were taken until it is answered. */
export interface OpenPush {
  readonly id: number;
  readonly footprint: PushFootprint;
  /** Empty for ordinary pushes. */
  readonly heals: readonly BaseRecord[];
}

/** Where the log stood at an up-to-date. */
export interface LogPosition extends Pick<ReplicaMeta, "cursor" | "vectorClock"> {
  readonly headSeq: number;
}

/**
 * - `greeting`: the hello is out.
 * - `following`: the base in use is pulled; everything up to `toldSeq` is there once it is set.
 * - `staging`: a second replica is pulled from empty beside it.
 * - `healing`: what the log has lost, and the second replica therefore has not, is brought back to the log.
 * - `rejoining`: edits flow; when all that was answered is in the second replica, it takes the place of the first.
 * - `over`: nothing counts any more.
 */
export type SessionPhase =
  | { readonly name: "greeting" }
  | { readonly name: "following"; readonly toldSeq: number | undefined }
  | { readonly name: "staging" }
  | { readonly name: "healing"; readonly position: LogPosition }
  | { readonly name: "rejoining"; readonly position: LogPosition }
  | { readonly name: "over"; readonly end: SessionEnd };

/** A device's session between its hello and its end. */
export interface SessionState {
  readonly phase: SessionPhase;
  readonly plan: SessionPlan;
  /** How many pushes may be unanswered. */
  readonly window: 1 | 2;
  /** False for guests, and once the server has refused pushes for good. */
  readonly mayPush: boolean;
  /** Whether what the log has lost is brought back before any edit is sent. */
  readonly heals: boolean;
  /** The newest seq that the server told of. */
  readonly headSeq: number;
  /** The newest seq that an answer was given at. */
  readonly answeredSeq: number;
  readonly lastFrameId: bigint;
  /** In the order in which they were sent, which is that of their answers. */
  readonly unanswered: readonly OpenPush[];
  /** Lost records that are still to be sent, push by push. */
  readonly lost: readonly (readonly BaseRecord[])[];
  /** Lost records that the server did not take back; their content must not get lost. */
  readonly refused: readonly BaseRecord[];
  readonly lastPushId: number;
  /** A push is being taken, or handed to the transport. */
  readonly sending: boolean;
  /** There may be edits that were not looked at yet. */
  readonly wanted: boolean;
  /** Nothing is sent for a while. */
  readonly resting: boolean;
  /** Rests since the last push that went well. */
  readonly troubles: number;
}

/** What happens to a session. What a frame brings is stored before the session hears of it. */
export type SessionEvent =
  | { readonly type: "welcome"; readonly mayPush: boolean; readonly headSeq: number }
  /** A page is stored, unless it is not whole: it names versions whose content the device does not have. */
  | {
      readonly type: "page";
      readonly frameId: bigint;
      readonly cursor: string;
      readonly headSeq: number;
      readonly isWhole: boolean;
    }
  /** The base up to here adds up to the server's digest, or does not. `lost`: what the second replica has not, while it is staged. */
  | {
      readonly type: "up-to-date";
      readonly position: LogPosition;
      readonly addsUp: boolean;
      readonly lost: readonly (readonly BaseRecord[])[];
    }
  /** The oldest unanswered push is answered. `renamed`: those of its heals whose version was used by a clone, under new ones. */
  | {
      readonly type: "answer";
      readonly outcomes: readonly ChangeOutcome[];
      readonly headSeq: number;
      readonly renamed: readonly BaseRecord[];
    }
  /** The oldest unanswered push is refused as a whole. */
  | { readonly type: "refusal"; readonly reason: string; readonly retryAfterMs: number | undefined }
  /** Edits were taken for a push; undefined: there were none that may go now. */
  | { readonly type: "taken"; readonly footprint: PushFootprint | undefined }
  /** The transport has taken the push. */
  | { readonly type: "handed" }
  /** There may be edits to be sent: one was made, or the time of a deferred one has come. */
  | { readonly type: "wake" }
  /** The rest is over. */
  | { readonly type: "rested" }
  /** The second replica has taken the place of the first. */
  | { readonly type: "swapped" }
  /** The session has come to its end, by a go-away, an error, or a decision of the device. */
  | { readonly type: "ended"; readonly end: SessionEnd };

/** An event of one kind. */
export type EventOf<Type extends SessionEvent["type"]> = Extract<SessionEvent, { type: Type }>;

/** What a session wants done, in this order. */
export type SessionEffect =
  | { readonly type: "ack"; readonly frameId: bigint; readonly cursor: string }
  /** Take a new device id, if this one is a clone's and nothing is unheld any more; the session then ends. */
  | { readonly type: "leave-name" }
  | { readonly type: "take-edits"; readonly unanswered: readonly PushFootprint[] }
  | { readonly type: "send-heal"; readonly id: number; readonly heals: readonly BaseRecord[] }
  /** Put the second replica in the place of the first; `ifDrained`: unless edits are left that could be sent. */
  | {
      readonly type: "swap";
      readonly position: LogPosition;
      readonly refused: readonly BaseRecord[];
      readonly ifDrained: boolean;
    }
  /** Say `rested` after what the server asks for, and then the longer the more troubles there were. */
  | { readonly type: "rest"; readonly cause: "race" | "refusal"; readonly askedMs: number; readonly troubles: number }
  /** The user is told that pushes are refused, and why. */
  | { readonly type: "refuse-pushes"; readonly reason: string }
  | { readonly type: "close" };

/** An effect of one kind. */
export type EffectOf<Type extends SessionEffect["type"]> = Extract<SessionEffect, { type: Type }>;

/** A session that has just said hello. */
export function beginSession(plan: SessionPlan, window: 1 | 2): SessionState {
  return {
    phase: { name: "greeting" },
    plan,
    window,
    mayPush: false,
    heals: false,
    headSeq: 0,
    answeredSeq: 0,
    lastFrameId: 0n,
    unanswered: [],
    lost: [],
    refused: [],
    lastPushId: 0,
    sending: false,
    wanted: false,
    resting: false,
    troubles: 0,
  };
}
