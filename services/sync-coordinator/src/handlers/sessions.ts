import { DomainError } from "@funkygibbon/kernel/errors";
import type { DeviceId, HouseholdId } from "@funkygibbon/kernel/ids";
import type { DeviceRef, SessionRef } from "../domain/ports.ts";

/** A live session as the process sees it. */
export interface RunningSession {
  readonly ref: SessionRef;
  /** Called about once a second. */
  tick(): void;
  supersede(): void;
  forget(): void;
  requestSync(reason: string): void;
}

/** Options of {@link Sessions}. */
export interface SessionsOptions {
  /** More streams than this are turned away. */
  readonly maxStreams: number;
  readonly random: () => number;
}

const TICK_MS = 1_000;

/** The live sessions of this replica: how many there may be, one per device, and one timer for all. */
export class Sessions implements Disposable {
  readonly #options: SessionsOptions;
  readonly #running = new Map<string, RunningSession>();
  readonly #ticker: NodeJS.Timeout;
  #streams = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#ticker.unref();
  }

  /** Streams that are open, sessions that have not said hello yet included. */
  get streams(): number {
    return this.#streams;
  }

  /** Lets one more stream in; dispose what it gives when the stream ends. @throws `unavailable`, OVERLOADED. */
  enter(): Disposable {
    if (this.#streams >= this.#options.maxStreams) {
      throw new DomainError("unavailable", "this server has all the streams that it can serve", {
        reason: "OVERLOADED",
        retryAfterMs: Math.round(2_000 + this.#options.random() * 8_000),
      });
    }
    this.#streams += 1;
    let inside = true;
    return {
      [Symbol.dispose]: () => {
        if (inside) this.#streams -= 1;
        inside = false;
      },
    };
  }

  /** A session has begun; an older one of the same device on this replica ends now. */
  add(session: RunningSession): void {
    const key = keyOf(session.ref);
    const older = this.#running.get(key);
    this.#running.set(key, session);
    older?.supersede();
  }

  remove(session: RunningSession): void {
    const key = keyOf(session.ref);
    if (this.#running.get(key) === session) this.#running.delete(key);
  }

  get(ref: DeviceRef): RunningSession | undefined {
    return this.#running.get(keyOf(ref));
  }

  /** The sessions of a household here; of one device when one is named. */
  of(household: HouseholdId, device: DeviceId | undefined): RunningSession[] {
    return [...this.#running.values()].filter(
      ({ ref }) => ref.household === household && (device === undefined || ref.device === device),
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
  }

  #tick(): void {
    for (const session of this.#running.values()) session.tick();
  }
}

function keyOf({ household, device }: DeviceRef): string {
  return `${household}/${device}`;
}
