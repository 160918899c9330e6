import type { RecordContent } from "@funkygibbon/kernel/content";
import type { RecordKind, SourceType } from "@funkygibbon/kernel/entity-type";
import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { compareStamps, type Stamp } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";

/** A version together with its body as the log keeps it: the text that its writer sent. */
export interface StoredVersion extends RecordVersion {
  /** Null in a tombstone, and where retention took the body. */
  readonly bodyText: string | null;
}

/** A head as the slim table has it. */
export interface Head {
  readonly record: RecordId;
  readonly seq: number;
  readonly version: VersionId;
  readonly kind: RecordKind;
  readonly type: RecordContent["type"];
  readonly source: SourceType;
  readonly deleted: boolean;
  /** A tombstone that the server wrote because an end of the edge was deleted: nobody's decision. */
  readonly cascaded: boolean;
  /** 0 to 2^64 - 1. */
  readonly digestTerm: bigint;
  /** Of a relationship. */
  readonly from: RecordId | undefined;
  readonly to: RecordId | undefined;
  /** The version itself, where it was read. */
  readonly detail: StoredVersion | undefined;
}

/** What is known of a version without its body: its place in the lineage of its record. */
export interface LineageEntry {
  readonly version: VersionId;
  readonly parents: readonly VersionId[];
  readonly seq: number;
  readonly outcome: NonNullable<RecordVersion["outcome"]>;
  readonly deleted: boolean;
}

/** The stamp of the edit that a version is. */
export function ownStamp(version: Pick<RecordVersion, "effectiveUs" | "device" | "sequence">): Stamp {
  return { effectiveUs: version.effectiveUs, device: version.device, sequence: version.sequence };
}

/** Whether two stamps are of the same edit. */
export function sameStamp(a: Stamp, b: Stamp): boolean {
  return compareStamps(a, b) === 0;
}

/** Whether the server wrote this version by itself, for a deletion or a restore of an end. */
export function isServerWritten(device: DeviceId): boolean {
  return device.startsWith("server.");
}

/** The head that a version becomes. */
export function headOf(version: StoredVersion, digestTerm: bigint): Head {
  const { content } = version;
  const edge = content.kind === "relationship";
  return {
    record: version.record,
    seq: version.seq,
    version: version.version,
    kind: content.kind,
    type: content.type,
    source: version.source,
    deleted: version.deleted,
    cascaded: edge && version.deleted && isServerWritten(version.device),
    digestTerm,
    from: edge ? content.from : undefined,
    to: edge ? content.to : undefined,
    detail: version,
  };
}
