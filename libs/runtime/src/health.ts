/** Where a service is in its life. Only `serving` may be ready. */
export type HealthState = "starting" | "serving" | "draining";

/** One look at everything that must work before calls are welcome. States only: no texts, no addresses. */
export interface HealthReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, "ok" | "failing">>;
}

/** Options of {@link Health}. */
export interface HealthOptions {
  /** A check that takes longer counts as failing. Default 2000. */
  readonly checkTimeoutMs?: number;
}

/** The health of one service: its state, and the checks that readiness depends on. */
export class Health {
  readonly #checks = new Map<string, () => Promise<void>>();
  readonly #listeners = new Set<(state: HealthState) => void>();
  readonly #checkTimeoutMs: number;
  #state: HealthState = "starting";
  #running: Promise<HealthReport> | undefined;

  constructor(options: HealthOptions = {}) {
    this.#checkTimeoutMs = options.checkTimeoutMs ?? 2_000;
  }

  get state(): HealthState {
    return this.#state;
  }

  /** Readiness needs this to resolve. Rejection counts as failing; the reason is for the part's own log. */
  addReadinessCheck(name: string, check: () => Promise<void>): void {
    this.#checks.set(name, check);
  }

  /** Everything has started: calls are welcome. Without effect once draining. */
  markServing(): void {
    this.#moveTo("serving");
  }

  /** On the way out: no new calls. Final. */
  markDraining(): void {
    this.#moveTo("draining");
  }

  /** Calls `listener` after each change of state; returns how to stop that. */
  onChange(listener: (state: HealthState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs all checks now, side by side; calls at the same time share one run. Never rejects. */
  check(): Promise<HealthReport> {
    this.#running ??= this.#runChecks().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  #moveTo(state: HealthState): void {
    if (this.#state === state || this.#state === "draining") return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  async #runChecks(): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await this.#outcome(check)] as const),
    );
    const ready = this.#state === "serving" && results.every(([, outcome]) => outcome === "ok");
    return { ready, checks: Object.fromEntries(results) };
  }

  async #outcome(check: () => Promise<void>): Promise<"ok" | "failing"> {
    let timer: NodeJS.Timeout | undefined;
    const tooSlow = new Promise<"failing">((resolve) => {
      timer = setTimeout(resolve, this.#checkTimeoutMs, "failing");
    });
    const checked = (async () => check())().then(
      () => "ok" as const,
      () => "failing" as const,
    );
    return Promise.race([checked, tooSlow]).finally(() => clearTimeout(timer));
  }
}
