import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId } from "@funkygibbon/kernel/ids";
import { isUnknownStamp, type Stamp } from "@funkygibbon/kernel/stamp";
import type { Neighbours, SequenceKey } from "./commit-facts.ts";

/** The edits of one device that a version names, by sequence. */
interface DeviceEdits {
  readonly stamps: readonly Stamp[];
  /** As of when the newest of the edits up to each counts. */
  readonly newestUs: readonly Micros[];
  /** As of when the oldest of the edits from each on counts. */
  readonly oldestUs: readonly Micros[];
}

/** The edits that the stamps of a version name, which may be tens of thousands, and as of when each counts. */
export class NamedEdits {
  readonly #byDevice = new Map<DeviceId, DeviceEdits>();

  /** @param stamps of two times for one edit the first counts. */
  constructor(stamps: Iterable<Stamp>) {
    for (const [device, edits] of Map.groupBy(stamps, (stamp) => stamp.device)) {
      this.#byDevice.set(device, inOrder(edits.filter((stamp) => !isUnknownStamp(stamp))));
    }
  }

  /** Undefined when the edit is not named. */
  timeOf({ device, sequence }: SequenceKey): Micros | undefined {
    const stamps = this.#byDevice.get(device)?.stamps ?? [];
    const stamp = stamps[firstFrom(stamps, sequence)];
    return stamp?.sequence === sequence ? stamp.effectiveUs : undefined;
  }

  /** The times of the edits of its device before and after an edit. */
  neighbours({ device, sequence }: SequenceKey): Neighbours {
    const edits = this.#byDevice.get(device);
    if (edits === undefined) return { lowerUs: undefined, higherUs: undefined };
    const { stamps, newestUs, oldestUs } = edits;
    return {
      lowerUs: newestUs[firstFrom(stamps, sequence) - 1],
      higherUs: oldestUs[firstFrom(stamps, sequence + 1)],
    };
  }
}

function inOrder(edits: readonly Stamp[]): DeviceEdits {
  const stamps = edits.toSorted((a, b) => a.sequence - b.sequence);
  const newestUs: Micros[] = [];
  for (const { effectiveUs } of stamps) newestUs.push(Math.max(newestUs.at(-1) ?? effectiveUs, effectiveUs));
  const oldestUs: Micros[] = [];
  for (const { effectiveUs } of stamps.toReversed())
    oldestUs.push(Math.min(oldestUs.at(-1) ?? effectiveUs, effectiveUs));
  return { stamps, newestUs, oldestUs: oldestUs.reverse() };
}

/** Where the stamps with this sequence or a greater one begin. */
function firstFrom(stamps: readonly Stamp[], sequence: number): number {
  let [low, high] = [0, stamps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stamps[middle]?.sequence ?? sequence) < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
