import type { RecordContent } from "@funkygibbon/kernel/content";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { parseDeviceId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { Divergence, RecordVersion } from "@funkygibbon/kernel/record";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import { formatVersion } from "@funkygibbon/kernel/version";

/** The record that versions are of, unless a test says otherwise. */
export const RECORD = parseRecordId("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
/** A Monday morning; `at` counts seconds from here. */
export const MONDAY_US = Date.UTC(2026, 10, 23, 8) * 1_000;

/** Ends of a relationship, by names that stand for UUIDs: `ends("located_in", 1, 2)`. */
export interface TestEnds {
  readonly type: RelationshipType;
  readonly from: number;
  readonly to: number;
}

/** What a test spells out of a version; the rest is filled in. */
export interface VersionParts {
  readonly device: string;
  /** Seconds since {@link MONDAY_US}; also the claimed time. */
  readonly at: number;
  /** Default: `at`. */
  readonly sequence?: number;
  /** Null for a tombstone. */
  readonly body: JsonObject | null;
  readonly type?: EntityType;
  /** Makes it a relationship. */
  readonly ends?: TestEnds;
  readonly parents?: readonly RecordVersion[];
  readonly stamps?: KeyStamps;
  readonly bodyRemoved?: boolean;
}

/** A version with everything that the test does not care about filled in. */
export function buildVersion(parts: VersionParts): RecordVersion {
  const device = parseDeviceId(parts.device);
  const timeUs = MONDAY_US + parts.at * 1_000_000;
  const sequence = parts.sequence ?? Math.abs(parts.at);
  return {
    record: RECORD,
    version: formatVersion(timeUs, device, sequence),
    parents: (parts.parents ?? []).map(({ version }) => version),
    content: content(parts),
    source: "manual",
    deleted: parts.body === null && parts.bodyRemoved !== true,
    seq: 0,
    author: parseUserId(`user-of-${parts.device}`),
    device,
    sequence,
    stamps: parts.stamps ?? [],
    claimedUs: timeUs,
    effectiveUs: timeUs,
    committedUs: 0,
    outcome: undefined,
    contentHash: "",
    bodyRemoved: parts.bodyRemoved ?? false,
    origin: undefined,
    healer: undefined,
  };
}

function content({ body, type, ends }: VersionParts): RecordContent {
  if (ends === undefined) return { kind: "entity", type: type ?? "device", body };
  return { kind: "relationship", type: ends.type, from: uuid(ends.from), to: uuid(ends.to), body };
}

/** A UUID that stands for a small number. */
export function uuid(number: number) {
  return parseRecordId(`00000000-0000-7000-8000-${String(number).padStart(12, "0")}`);
}

/** A divergence with everything that the test does not care about filled in. */
export function buildDivergence(
  parts: Partial<Divergence> & Pick<Divergence, "local" | "server" | "base">,
): Divergence {
  return {
    localTimes: "",
    wish: undefined,
    policy: undefined,
    restored: false,
    serverCascade: false,
    ...parts,
  };
}
