import { create, toBinary } from "@bufbuild/protobuf";
import type { RecordVersion as WireRecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { CommittedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import type { Digest } from "@funkygibbon/kernel/digest";
import type { Epoch, HouseholdId } from "@funkygibbon/kernel/ids";

/** Events carry what was written when it fits this; larger commits are read from the log. */
const MAX_INLINE_BYTES = 64 * 1024;
/** What a version takes on the wire besides its body, at most as a rule; only saves encoding what will not fit. */
const ASSUMED_OVERHEAD_BYTES = 100;

/** A commit, or a stretch of several, to be told. */
export interface CommittedStretch {
  readonly household: HouseholdId;
  readonly epoch: Epoch;
  readonly fromSeq: number;
  readonly toSeq: number;
  /** Undefined for writes of the server. */
  readonly originDevice: string | undefined;
  readonly heads: readonly HeadToTell[];
  /** The digest at `toSeq`; undefined when it is not known because the log has gone on. */
  readonly digest: Digest | undefined;
  readonly committedUs: Micros;
}

/** A head with the size of its body and its form on the wire, which is made only when it is needed. */
export interface HeadToTell {
  readonly bodyLength: number;
  readonly toWire: () => WireRecordVersion;
}

/** The serialised event. */
export function committedEvent(stretch: CommittedStretch): Uint8Array {
  const whole = encode(stretch, fits(stretch.heads) ? stretch.heads.map((head) => head.toWire()) : undefined);
  return whole.byteLength <= MAX_INLINE_BYTES ? whole : encode(stretch, undefined);
}

/** What JetStream recognises a repetition by. */
export function committedMessageId({ household, epoch, toSeq }: CommittedStretch): string {
  return `${household}:${epoch}:${toSeq}`;
}

function fits(heads: readonly HeadToTell[]): boolean {
  let bytes = 0;
  for (const head of heads) bytes += head.bodyLength + ASSUMED_OVERHEAD_BYTES;
  return bytes <= MAX_INLINE_BYTES;
}

function encode(stretch: CommittedStretch, versions: WireRecordVersion[] | undefined): Uint8Array {
  return toBinary(
    CommittedSchema,
    create(CommittedSchema, {
      householdId: stretch.household,
      epoch: stretch.epoch,
      fromSeq: BigInt(stretch.fromSeq),
      toSeq: BigInt(stretch.toSeq),
      originDeviceId: stretch.originDevice ?? "",
      versions: versions ?? [],
      inline: versions !== undefined,
      digest: stretch.digest ?? 0n,
      atHead: stretch.digest !== undefined,
      committedUs: BigInt(stretch.committedUs),
    }),
  );
}
