import type { Clock, Micros } from "@funkygibbon/kernel/clock";
import type { Timers } from "../../libs/client/src/timers.ts";

/** 2026-11-22T09:00:00Z. */
const START_MS = Date.UTC(2026, 10, 22, 9);

interface Timer {
  atMs: number;
  /** Among timers of one moment the one that was set first runs first. */
  order: number;
  run: (() => void) | undefined;
}

/** What is really there, whatever a simulation puts in its place. */
const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  dateNow: Date.now,
  performanceNow: performance.now,
  random: Math.random,
};

/**
 * Time that passes only from one timer to the next, so that hours take as long as what happens in them. While it is
 * installed it stands for the timers, clocks and dice of the whole process: code that does not take them as arguments is
 * as repeatable as code that does.
 */
export class VirtualTime implements Clock, Timers {
  readonly #heap: Timer[] = [];
  #nowMs = START_MS;
  #order = 0;
  /** Timers that have run. */
  ran = 0;

  /** Milliseconds since 1970. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Day and time, to be read. */
  get clockText(): string {
    return new Date(this.#nowMs).toISOString().slice(8, 23);
  }

  now(): Micros {
    return Math.round(this.#nowMs * 1_000);
  }

  after(delayMs: number, run: () => void): () => void {
    return this.at(this.#nowMs + Math.max(0, delayMs), run);
  }

  /** Calls `run` once at that time, unless the returned function is called before. */
  at(timeMs: number, run: () => void): () => void {
    const timer = this.#set(timeMs, run);
    return () => {
      timer.run = undefined;
    };
  }

  /** Resolves after a while. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Everything that is to happen until then happens. */
  async pass(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await settle();
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      await this.#runNext();
    }
    this.#nowMs = untilMs;
  }

  /** Lets time pass until `done` says so. @returns false when that was not within the limit. */
  async passUntil(done: () => boolean, limitMs: number): Promise<boolean> {
    const untilMs = this.#nowMs + limitMs;
    await settle();
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) return false;
      await this.#runNext();
    }
    return true;
  }

  /** Skips a stretch in which nothing runs: timers that would have run then run right after it. */
  skip(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  /** Takes the place of the process's timers, clocks and dice until it is disposed. */
  install(random: () => number): Disposable {
    const set = (run: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
      new TimerHandle(this, delayMs, () => run(...args), "once");
    const repeat = (run: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
      new TimerHandle(this, delayMs, () => run(...args), "repeatedly");
    const clear = (handle: unknown) => (handle instanceof TimerHandle ? handle.close() : undefined);
    Object.assign(globalThis, {
      setTimeout: set,
      setInterval: repeat,
      clearTimeout: clear,
      clearInterval: clear,
    });
    Date.now = () => Math.floor(this.#nowMs);
    performance.now = () => this.#nowMs - START_MS;
    Math.random = random;
    return {
      [Symbol.dispose]: () => {
        const { setTimeout, clearTimeout, setInterval, clearInterval } = real;
        Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
        Date.now = real.dateNow;
        performance.now = real.performanceNow;
        Math.random = real.random;
      },
    };
  }

  async #runNext(): Promise<void> {
    const timer = this.#pop();
    if (timer?.run === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    this.ran += 1;
    timer.run();
    await settle();
  }

  #set(atMs: number, run: () => void): Timer {
    this.#order += 1;
    const timer = { atMs, order: this.#order, run };
    this.#push(timer);
    return timer;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(timer, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let least = heap[child];
      const right = heap[child + 1];
      if (least !== undefined && right !== undefined && isBefore(right, least)) {
        child += 1;
        least = right;
      }
      if (least === undefined || !isBefore(least, last)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Resolves when everything that waits for nothing but promises has gone as far as it can. */
function settle(): Promise<void> {
  return new Promise((resolve) => real.setImmediate(resolve));
}

/** What setTimeout and setInterval give. */
class TimerHandle {
  #cancel: () => void;

  constructor(time: VirtualTime, delayMs: number, run: () => void, how: "once" | "repeatedly") {
    const again = (): void => {
      if (how === "repeatedly") this.#cancel = time.after(Math.max(1, delayMs), again);
      run();
    };
    this.#cancel = time.after(delayMs, again);
  }

  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  hasRef(): boolean {
    return false;
  }

  refresh(): this {
    return this;
  }

  close(): void {
    this.#cancel();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
