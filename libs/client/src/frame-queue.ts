/** How a full queue slows its source down. */
export interface FlowControl {
  pause(): void;
  resume(): void;
}

const HIGH_WATER = 16;

/** Frames that a transport pushes and a session pulls, in order. To be read once. */
export class FrameQueue<T> implements AsyncIterable<T> {
  readonly #flow: FlowControl;
  #frames: T[] = [];
  #over: { readonly error: unknown } | "no" | "well" = "no";
  #paused = false;
  #wake: () => void = () => undefined;

  constructor(flow: FlowControl = { pause: () => undefined, resume: () => undefined }) {
    this.#flow = flow;
  }

  /** Adds a frame; ignored when the queue has ended. */
  push(frame: T): void {
    if (this.#over !== "no") return;
    this.#frames.push(frame);
    if (!this.#paused && this.#frames.length >= HIGH_WATER) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#wake();
  }

  /** The reader ends after the frames that are there. */
  end(): void {
    if (this.#over === "no") this.#over = "well";
    this.#wake();
  }

  /** The reader throws after the frames that are there. */
  fail(error: unknown): void {
    if (this.#over === "no") this.#over = { error };
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        if (this.#paused && this.#frames.length === 0) {
          this.#paused = false;
          this.#flow.resume();
        }
        yield frame;
      } else if (this.#over === "no") {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#over === "well") {
        return;
      } else {
        throw this.#over.error;
      }
    }
  }
}
