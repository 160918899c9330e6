import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import type { Surroundings } from "./timers.ts";

/** What keeps a session alive. */
export interface VitalsOptions extends Surroundings {
  /** A ping is due. */
  readonly ping: () => void;
  /** Nothing was heard for three intervals: of the server, or of the app that is to give a token. */
  readonly silent: () => void;
  /** The token ends soon: fetch a fresh one and tell the server. Resolves with the new one. */
  readonly refreshToken: () => Promise<string>;
}

const DEFAULT_INTERVAL_MS = 15_000;
/** The part of a token's life after which it is renewed. */
const TOKEN_LIFE_USED = 0.8;
/** No more often is the app asked for one within a session. */
const TOKEN_RETRY_MS = 5_000;

/** The heartbeat of a session, and the renewal of its token. */
export class SessionVitals {
  readonly #options: VitalsOptions;
  #intervalMs = DEFAULT_INTERVAL_MS;
  #lastSentMs: number;
  #lastHeardMs: number;
  #cancelBeat: () => void = () => undefined;
  #cancelToken: () => void = () => undefined;
  #stopped = false;

  constructor(options: VitalsOptions) {
    this.#options = options;
    this.#lastSentMs = this.#nowMs();
    this.#lastHeardMs = this.#nowMs();
    this.#beat();
  }

  /** A frame was sent. */
  sent(): void {
    this.#lastSentMs = this.#nowMs();
  }

  /** A frame has come. */
  heard(): void {
    this.#lastHeardMs = this.#nowMs();
  }

  /** As the server's welcome says. */
  setInterval(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    this.#beat();
  }

  /** Renews the token in time, when it says how long it lasts. */
  watchToken(token: string): void {
    const times = tokenTimesMs(token);
    if (times === undefined || this.#stopped) return;
    const leftMs = times.expiry - this.#nowMs();
    // It was given as a valid one: then this device's clock is ahead.
    const lifeMs = leftMs > 0 ? leftMs : times.expiry - times.issue;
    this.#refreshAfter(Math.max(lifeMs * TOKEN_LIFE_USED, TOKEN_RETRY_MS));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelBeat();
    this.#cancelToken();
  }

  #beat(): void {
    if (this.#stopped) return;
    this.#cancelBeat();
    const now = this.#nowMs();
    // A clock that was set back makes nobody wait for as long.
    this.#lastHeardMs = Math.min(this.#lastHeardMs, now);
    this.#lastSentMs = Math.min(this.#lastSentMs, now);
    if (now - this.#lastHeardMs >= 3 * this.#intervalMs) {
      this.#options.silent();
      return;
    }
    if (now - this.#lastSentMs >= this.#intervalMs) this.#options.ping();
    this.#cancelBeat = this.#options.timers.after(this.#intervalMs / 3, () => this.#beat());
  }

  #refreshAfter(delayMs: number): void {
    this.#cancelToken();
    // setTimeout overflows above 24.8 days.
    this.#cancelToken = this.#options.timers.after(Math.min(delayMs, 86_400_000), () => this.#refresh());
  }

  #refresh(): void {
    this.#options.refreshToken().then(
      (token) => this.watchToken(token),
      () => {
        if (!this.#stopped) this.#refreshAfter(TOKEN_RETRY_MS);
      },
    );
  }

  #nowMs(): number {
    return this.#options.clock.now() / MICROS_PER_MS;
  }
}

/** When a JWT says that it was issued and that it ends, in milliseconds since 1970; read for planning only, never trusted. */
export function tokenTimesMs(token: string): { readonly issue: number; readonly expiry: number } | undefined {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    if (typeof claims !== "object" || claims === null) return undefined;
    const { iat, exp } = claims as { readonly iat?: unknown; readonly exp?: unknown };
    if (typeof exp !== "number") return undefined;
    return { issue: (typeof iat === "number" ? iat : exp) * 1_000, expiry: exp * 1_000 };
  } catch {
    return undefined;
  }
}
