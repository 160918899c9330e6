import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { FairLines } from "../domain/fair-lines.ts";
import { SharedBudget } from "../domain/shared-budget.ts";

/** Frames up to this size are never made to wait: live changes are small. */
const SMALL_BYTES = 16 * 1024;

interface WaitingFrame {
  readonly bytes: number;
  readonly admit: () => void;
}

/**
 * How many bytes of frames may be in the hands of transports at once, for the whole process and for one household, so
 * that neither a crowd of fresh devices nor devices that read slowly fill the memory. Whoever comes late waits; the
 * households take turns.
 */
export class FrameBudget {
  readonly #budget: SharedBudget;
  readonly #waiting = new FairLines<WaitingFrame>();

  constructor(totalBytes: number) {
    this.#budget = new SharedBudget(totalBytes);
  }

  /** Resolves when there is room; call what it gives when the transport has taken the frame. */
  async acquire(household: HouseholdId, bytes: number): Promise<() => void> {
    if (bytes > SMALL_BYTES) {
      await new Promise<void>((admit) => {
        this.#waiting.add(household, { bytes, admit });
        this.#admit();
      });
    } else {
      this.#budget.take(household, bytes);
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#budget.giveBack(household, bytes);
      this.#admit();
    };
  }

  /** Bytes in the hands of transports now. */
  get usedBytes(): number {
    return this.#budget.used;
  }

  /** Lets in whom there is room for. A household that has its share does not hold up the others. */
  #admit(): void {
    const mayGo = (household: HouseholdId, { bytes }: WaitingFrame) => {
      if (!this.#budget.mayTake(household, bytes)) return false;
      this.#budget.take(household, bytes);
      return true;
    };
    for (let next = this.#waiting.take(mayGo); next !== undefined; next = this.#waiting.take(mayGo)) next.admit();
  }
}
