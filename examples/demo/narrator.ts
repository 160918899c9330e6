import type { Palette } from "./palette.ts";

/** A step of the demo came out otherwise than promised. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

const WIDTH = 68;

/** Tells the story of a demo step by step, with times, and stops it when something is not as promised. */
export class Narrator {
  readonly #palette: Palette;
  readonly #print: (line: string) => void;
  #step = 0;
  #checked = 0;

  constructor(palette: Palette, print: (line: string) => void) {
    this.#palette = palette;
    this.#print = print;
  }

  /** How many promises were checked. */
  get checked(): number {
    return this.#checked;
  }

  /** A free line. */
  say(line = ""): void {
    this.#print(line);
  }

  /** A line that belongs to the last step. */
  note(line: string): void {
    this.#print(`     ${this.#palette.dim(line)}`);
  }

  /** Runs a step and says how long it took. */
  async step<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.#step++;
    const startedMs = performance.now();
    const label = `${String(this.#step).padStart(2)}   ${title}`;
    try {
      const result = await work();
      this.#print(`${this.#palette.bold(label.padEnd(WIDTH))}${this.#palette.cyan(took(startedMs))}`);
      return result;
    } catch (error) {
      this.#print(`${this.#palette.bold(label.padEnd(WIDTH))}${this.#palette.red(took(startedMs))}`);
      throw error;
    }
  }

  /** States what has to be so. @throws BrokenPromise when it is not. */
  check(holds: boolean, promise: string): void {
    this.#checked++;
    if (holds) this.#print(`     ${this.#palette.green("✓")} ${promise}`);
    else throw new BrokenPromise(promise);
  }

  /** Says what went wrong. */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#print(`     ${this.#palette.red("✗")} ${message}`);
  }
}

function took(startedMs: number): string {
  const ms = performance.now() - startedMs;
  return (
    ms < 10 ? `${ms.toFixed(1)} ms` : ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
  ).padStart(9);
}
