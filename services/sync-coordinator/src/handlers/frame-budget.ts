import type { HouseholdId } from "@funkygibbon/kernel/ids";

/** Frames up to this size are never made to wait: live changes are small. */
const SMALL_BYTES = 16 * 1024;

interface Waiting {
  readonly household: HouseholdId;
  readonly bytes: number;
  readonly admit: () => void;
}

/**
 * How many bytes of frames may be in the hands of transports at once, for the whole process and for one household, so
 * that neither a crowd of fresh devices nor devices that read slowly fill the memory. Whoever comes late waits its turn.
 */
export class FrameBudget {
  readonly #totalBytes: number;
  readonly #householdBytes: number;
  readonly #ofHouseholds = new Map<HouseholdId, number>();
  readonly #queue: Waiting[] = [];
  #used = 0;

  /** @param totalBytes one household may have at most half of it. */
  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
    this.#householdBytes = totalBytes / 2;
  }

  /** Resolves when there is room; call what it gives when the transport has taken the frame. */
  async acquire(household: HouseholdId, bytes: number): Promise<() => void> {
    if (bytes > SMALL_BYTES && !this.#hasRoom(household, bytes)) {
      await new Promise<void>((admit) => this.#queue.push({ household, bytes, admit }));
    } else {
      this.#take(household, bytes);
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release(household, bytes);
    };
  }

  /** Bytes in the hands of transports now. */
  get usedBytes(): number {
    return this.#used;
  }

  /** A frame larger than the whole budget still goes, alone. */
  #hasRoom(household: HouseholdId, bytes: number): boolean {
    const ofHousehold = this.#ofHouseholds.get(household) ?? 0;
    return (
      (this.#used === 0 || this.#used + bytes <= this.#totalBytes) &&
      (ofHousehold === 0 || ofHousehold + bytes <= this.#householdBytes)
    );
  }

  #take(household: HouseholdId, bytes: number): void {
    this.#used += bytes;
    this.#ofHouseholds.set(household, (this.#ofHouseholds.get(household) ?? 0) + bytes);
  }

  #release(household: HouseholdId, bytes: number): void {
    this.#used -= bytes;
    const left = (this.#ofHouseholds.get(household) ?? 0) - bytes;
    if (left > 0) this.#ofHouseholds.set(household, left);
    else this.#ofHouseholds.delete(household);
    for (;;) {
      // A household that has its share does not hold up those behind it.
      const next = this.#queue.findIndex((waiting) => this.#hasRoom(waiting.household, waiting.bytes));
      const [admitted] = next === -1 ? [] : this.#queue.splice(next, 1);
      if (admitted === undefined) return;
      this.#take(admitted.household, admitted.bytes);
      admitted.admit();
    }
  }
}
