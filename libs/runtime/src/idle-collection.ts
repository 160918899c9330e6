import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The process as far as {@link IdleCollection} touches it; replaced in tests. */
export interface Memory {
  /** Bytes in memory that belong to the process. */
  resident(): number;
  /** The share of time, 0 to 1, in which the process has done anything since it was asked last. */
  busy(): number;
  /** Collects everything that is garbage, and gives the pages back. */
  collect(): void;
}

/** A process that does less than this is quiet: nobody waits for what a collection holds up. */
const QUIET = 0.05;
/** What would be given back must be worth the pause, some 50 ms. */
const WORTH_BYTES = 16 * 1024 * 1024;

/**
 * Gives memory back when work has ended. V8 collects because something is created, so what a burst has left behind stays
 * until the next one: after a push of 10,000 records that is some 100 MB in the store, and as much in the coordinator.
 */
export class IdleCollection {
  readonly #memory: Memory;
  /** What the process had after the last collection. */
  #floor = 0;
  #collected = false;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Looks once; to be called every few seconds. */
  look(): void {
    const resident = this.#memory.resident();
    const busy = this.#memory.busy();
    // Pages are given back little by little, so that what is left is seen at the next look only.
    if (this.#collected) this.#floor = resident;
    this.#collected = busy < QUIET && resident > this.#floor + WORTH_BYTES;
    if (this.#collected) this.#memory.collect();
  }
}

/** Looks after the memory of this process every `intervalMs` for as long as it lives. */
export function startIdleCollection(intervalMs = 5_000): void {
  const collection = new IdleCollection(processMemory());
  setInterval(() => collection.look(), intervalMs).unref();
}

function processMemory(): Memory {
  // The flag makes `gc` a global of the contexts that are created from now on, and of this one not.
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  let before = performance.eventLoopUtilization();
  return {
    resident: () => process.memoryUsage.rss(),
    busy() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
    collect,
  };
}
