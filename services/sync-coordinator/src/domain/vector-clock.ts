import type { Micros } from "@funkygibbon/kernel/clock";
import { invalid } from "@funkygibbon/kernel/errors";
import { type DeviceId, type Epoch, parseDeviceId, shortEpoch } from "@funkygibbon/kernel/ids";
import { formatVersion, parseVersion, type Version } from "@funkygibbon/kernel/version";

/** Device id → the newest version of that device that is included; entry `server` stands for the log. */
export type VectorClock = Readonly<Record<string, string>>;

/** How two clocks stand to each other. A clock is `equal` to itself, never before it; one that is `too-long` is not looked at. */
export type ClockRelation = "before" | "after" | "equal" | "concurrent" | "too-long";

/** The entry that stands for the log; its sequence is the head seq. */
export const SERVER_ENTRY = "server";

/** A clock of more entries would be dear to parse, and only informs. */
const MAX_ENTRIES = 4_096;

/** A clock whose versions have been parsed. */
export type ParsedClock = ReadonlyMap<string, Version>;

/**
 * Checks a clock that a device sent; undefined for one that is too long to be looked at.
 * @throws DomainError `invalid`, naming the entry that is malformed or another device's.
 */
export function parseVectorClock(clock: VectorClock, field = "vector_clock"): ParsedClock | undefined {
  const entries = Object.entries(clock);
  if (entries.length > MAX_ENTRIES) return undefined;
  return new Map(
    entries.map(([device, text]) => {
      const entry = `${field}["${device}"]`;
      const version = parseVersion(text, entry);
      if (device !== SERVER_ENTRY && parseDeviceId(device, entry) !== version.device) {
        throw invalid([{ field: entry, description: "must be a version of that very device" }]);
      }
      return [device, version];
    }),
  );
}

/** As {@link compareClocks}, where most entries are expected to be the very same: only others of `ours` are parsed. */
export function compareWithOurs(theirs: ParsedClock | undefined, ours: VectorClock): ClockRelation {
  if (theirs === undefined) return "too-long";
  const same =
    Object.keys(ours).length === theirs.size && Object.keys(ours).every((key) => theirs.get(key)?.id === ours[key]);
  return same ? "equal" : compareClocks(theirs, parseVectorClock(ours));
}

/**
 * Compares per device by sequence. Log entries of different epochs have nothing in common and are concurrent.
 * The result informs logs and metrics; what to send is decided by the cursor alone (docs/protocol.md, section 9).
 */
export function compareClocks(a: ParsedClock | undefined, b: ParsedClock | undefined): ClockRelation {
  if (a === undefined || b === undefined) return "too-long";
  let less = false;
  let greater = false;
  for (const device of new Set([...a.keys(), ...b.keys()])) {
    const left = a.get(device);
    const right = b.get(device);
    if (left !== undefined && right !== undefined && left.device !== right.device) return "concurrent";
    const leftSequence = left?.sequence ?? -1;
    const rightSequence = right?.sequence ?? -1;
    if (leftSequence < rightSequence) less = true;
    if (leftSequence > rightSequence) greater = true;
  }
  if (less && greater) return "concurrent";
  if (less) return "before";
  return greater ? "after" : "equal";
}

/** The clock's entry for a log: `<last commit time>-server.<epoch8>-<head seq>`. */
export function serverEntry(position: {
  readonly epoch: Epoch;
  readonly headSeq: number;
  readonly committedUs: Micros;
}): string {
  const device: DeviceId = parseDeviceId(`${SERVER_ENTRY}.${shortEpoch(position.epoch)}`);
  return formatVersion(position.committedUs, device, position.headSeq);
}
