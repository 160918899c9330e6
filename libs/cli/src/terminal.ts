import type { ReadStream, WriteStream } from "node:tty";
import { type Look, lookOf } from "./present/look.ts";
import type { Environment } from "./profile.ts";

/** The streams of a process; any of them may be a file or a pipe. */
export interface Streams {
  readonly stdin: NodeJS.ReadableStream & Pick<Partial<ReadStream>, "isTTY">;
  readonly stdout: NodeJS.WritableStream & Pick<Partial<WriteStream>, "isTTY" | "columns">;
  readonly stderr: NodeJS.WritableStream & Pick<Partial<WriteStream>, "isTTY" | "columns">;
}

const CLEAR_LINE = "\r\u001b[K";

/** Where gibbon reads and writes: answers on the output, everything beside them on the error stream. */
export class Terminal {
  readonly streams: Streams;
  readonly #colourful: boolean;
  /** It cannot go back to the beginning of a line. */
  readonly #isDumb: boolean;
  #progress = false;

  /** @param colour whether colours may be used at all: `--no-color`, and https://no-color.org. */
  constructor(streams: Streams, environment: Environment, colour: boolean) {
    this.streams = streams;
    this.#isDumb = environment.TERM === "dumb";
    this.#colourful = colour && (environment.NO_COLOR ?? "") === "" && !this.#isDumb;
  }

  /** Whether a person sits before it. */
  get isInteractive(): boolean {
    return this.streams.stdin.isTTY === true && this.streams.stdout.isTTY === true;
  }

  /** How the output is to look. */
  look(nowMs: number): Look {
    const { isTTY, columns } = this.streams.stdout;
    const width = isTTY === true ? columns || 80 : Number.POSITIVE_INFINITY;
    return lookOf({ colourful: this.#colourful && isTTY === true, width, nowMs });
  }

  /** How the error stream is to look. */
  errorLook(): Look {
    const { isTTY } = this.streams.stderr;
    return lookOf({ colourful: this.#colourful && isTTY === true, width: Number.POSITIVE_INFINITY, nowMs: 0 });
  }

  /** Writes lines of the answer. */
  answer(lines: readonly string[]): void {
    this.endProgress();
    if (lines.length > 0) this.streams.stdout.write(`${lines.join("\n")}\n`);
  }

  /** Says something beside the answer. */
  note(text: string): void {
    this.endProgress();
    this.streams.stderr.write(`${this.errorLook().dim(text)}\n`);
  }

  /** Shows how far something is, where a person looks; the next output takes its place. */
  progress(text: string): void {
    if (this.streams.stderr.isTTY !== true || this.#isDumb) return;
    this.#progress = true;
    this.streams.stderr.write(`${CLEAR_LINE}${this.errorLook().dim(text)}`);
  }

  /** Takes the progress away. */
  endProgress(): void {
    if (!this.#progress) return;
    this.#progress = false;
    this.streams.stderr.write(CLEAR_LINE);
  }
}
