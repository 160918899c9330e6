import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import type { Surroundings } from "./timers.ts";

/** What keeps a session alive. */
export interface VitalsOptions extends Surroundings {
  /** A ping is due. */
  readonly ping: () => void;
  /** Nothing was heard for three intervals. */
  readonly silent: () => void;
  /** The token ends soon: fetch a fresh one and tell the server. Resolves with the new one. */
  readonly refreshToken: () => Promise<string>;
}

const DEFAULT_INTERVAL_MS = 15_000;
/** The part of a token's life after which it is renewed. */
const TOKEN_LIFE_USED = 0.8;
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
    const expiryMs = tokenExpiryMs(token);
    if (expiryMs === undefined || this.#stopped) return;
    const lifeMs = Math.max(0, expiryMs - this.#nowMs());
    this.#refreshAfter(lifeMs * TOKEN_LIFE_USED);
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

/** When a JWT says that it ends, in milliseconds since 1970; read for planning only, never trusted. */
export function tokenExpiryMs(token: string): number | undefined {
  try {
    const payload = token.split(".")[1] ?? "";
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const exp = typeof claims === "object" && claims !== null && "exp" in claims ? claims.exp : undefined;
    return typeof exp === "number" ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
