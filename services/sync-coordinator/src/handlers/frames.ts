import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  ChangesFrameSchema,
  SubscribeResponseSchema,
  SyncStreamResponseSchema,
  GoAwayReason as WireGoAwayReason,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import type { Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import { Encoded, encode } from "@funkygibbon/rpc/encoded";
import { type GoAwayReason, goAwayTerms } from "../domain/go-away.ts";
import type { EntryRun, LogPage } from "../domain/log-page.ts";
import type { Allowance, HouseholdClock, SettledLog, ToldConflict } from "../domain/ports.ts";
import { SERVER_ENTRY, serverEntry, type VectorClock } from "../domain/vector-clock.ts";

/** The two ways to pull live; their frames are the same, numbered differently. */
export type SessionKind = "stream" | "subscribe";

/** What every frame names. */
export interface Ground {
  readonly household: HouseholdId;
  readonly epoch: Epoch;
}

/** The same where the epoch may not be known yet. */
export type GroundAtMost = Pick<Ground, "household"> & { readonly epoch: Epoch | undefined };

/** A frame that both kinds of session may be sent. */
export type CommonFrame = NonNullable<MessageInitShape<typeof SubscribeResponseSchema>["frame"]>;
/** A frame of a stream. */
export type StreamFrame = NonNullable<MessageInitShape<typeof SyncStreamResponseSchema>["frame"]>;

/** Fields of SyncStreamResponse and of SubscribeResponse. */
const CHANGES_TAG = { stream: (5 << 3) | 2, subscribe: (4 << 3) | 2 } as const;
const CONFLICT_TAG = { stream: (10 << 3) | 2, subscribe: (9 << 3) | 2 } as const;

const WIRE_REASON: Readonly<Record<GoAwayReason, WireGoAwayReason>> = {
  drain: WireGoAwayReason.DRAIN,
  superseded: WireGoAwayReason.SUPERSEDED,
  forked: WireGoAwayReason.FORKED,
  overloaded: WireGoAwayReason.OVERLOADED,
  "token-expired": WireGoAwayReason.TOKEN_EXPIRED,
  "epoch-changed": WireGoAwayReason.EPOCH_CHANGED,
  "household-changed": WireGoAwayReason.HOUSEHOLD_CHANGED,
  silent: WireGoAwayReason.SILENT,
  forgotten: WireGoAwayReason.FORGOTTEN,
};

/** Any frame but those with changes. */
export function commonFrame(kind: SessionKind, ground: GroundAtMost, frame: CommonFrame): Encoded {
  const envelope = { householdId: ground.household, epoch: ground.epoch ?? "" };
  return kind === "stream"
    ? encode(SyncStreamResponseSchema, { ...envelope, frame })
    : encode(SubscribeResponseSchema, { ...envelope, frame });
}

/** A frame that only streams have. */
export function streamFrame(ground: Ground, frame: StreamFrame): Encoded {
  return encode(SyncStreamResponseSchema, { householdId: ground.household, epoch: ground.epoch, frame });
}

/** What a frame with changes says beside its records. */
export interface ChangesFacts {
  readonly frameId: number;
  readonly cursor: string;
  readonly backlog: boolean;
  readonly headSeq: number;
}

/**
 * A frame with changes, put together from records that were serialised once for all sessions: protobuf's fields may come
 * in any order, so the session's own few go before the shared bytes.
 */
export function changesFrame(
  kind: SessionKind,
  ground: Ground,
  facts: ChangesFacts,
  { page, runs }: { readonly page: LogPage; readonly runs: readonly EntryRun[] },
): Encoded {
  const head = toBinary(
    ChangesFrameSchema,
    create(ChangesFrameSchema, {
      frameId: BigInt(facts.frameId),
      cursor: facts.cursor,
      backlog: facts.backlog,
      headSeq: BigInt(facts.headSeq),
    }),
  );
  const records = runs.flatMap(({ first, end, own }) =>
    own ? page.ownRecords(first, end) : page.wholeRecords(first, end),
  );
  return serialisedFrame(kind, ground, CHANGES_TAG[kind], [head, ...records]);
}

/** A frame whose one field is serialised already. */
function serialisedFrame(kind: SessionKind, ground: Ground, tag: number, parts: readonly Uint8Array[]): Encoded {
  const length = parts.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  const envelope = new BinaryWriter();
  envelope.tag(1, 2).string(ground.household).tag(2, 2).string(ground.epoch);
  envelope.uint32(tag).uint32(length);
  const schema = kind === "stream" ? SyncStreamResponseSchema : SubscribeResponseSchema;
  return new Encoded(schema, Buffer.concat([envelope.finish(), ...parts]));
}

/** Frames that are the same for all sessions of a kind, as long as what they say is remembered. */
const sharedFrames = new WeakMap<SettledLog | ToldConflict, Partial<Record<SessionKind, Encoded>>>();

function sharedFrame(said: SettledLog | ToldConflict, kind: SessionKind, make: () => Encoded): Encoded {
  const shared = sharedFrames.get(said) ?? {};
  const frame = shared[kind] ?? make();
  sharedFrames.set(said, { ...shared, [kind]: frame });
  return frame;
}

/** The device has everything. @param cursor at the head; there it is the same for every session. */
export function upToDateFrame(kind: SessionKind, ground: Ground, log: SettledLog, cursor: string): Encoded {
  return sharedFrame(log, kind, () => {
    const { headSeq, digest } = log.clock.position;
    const value = { headSeq: BigInt(headSeq), digest, cursor, vectorClock: clockOnWire(log.clock) };
    return commonFrame(kind, ground, { case: "upToDate", value });
  });
}

/** A conflict has changed. */
export function conflictFrame(kind: SessionKind, ground: Ground, conflict: ToldConflict): Encoded {
  return sharedFrame(conflict, kind, () => {
    const field = new BinaryWriter().tag(1, 2).bytes(conflict.bytes).finish();
    return serialisedFrame(kind, ground, CONFLICT_TAG[kind], [field]);
  });
}

/** The server says good-bye. */
export function goAwayFrame(
  kind: SessionKind,
  ground: GroundAtMost,
  reason: GoAwayReason,
  random: () => number,
): Encoded {
  const { reconnectAfterMs, message } = goAwayTerms(reason, random);
  const value = {
    reason: WIRE_REASON[reason],
    message,
    ...(reconnectAfterMs === undefined ? {} : { reconnectAfter: duration(reconnectAfterMs) }),
  };
  return commonFrame(kind, ground, { case: "goAway", value });
}

/** The clock as devices see it: with the entry that stands for the log. */
export function clockOnWire({ position, versions }: HouseholdClock): { [device: string]: string } {
  const clock: VectorClock = position.headSeq === 0 ? versions : { ...versions, [SERVER_ENTRY]: serverEntry(position) };
  return { ...clock };
}

/** What is left of an allowance. */
export function rateLimitOnWire(allowance: Allowance) {
  return { remaining: allowance.remaining, resetAt: timestamp(allowance.resetAtUs) };
}

/** google.protobuf.Timestamp. */
export function timestamp(us: Micros) {
  return { seconds: BigInt(Math.floor(us / 1_000_000)), nanos: (us % 1_000_000) * 1_000 };
}

/** google.protobuf.Duration. */
export function duration(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: Math.round(ms % 1_000) * 1_000_000 };
}
