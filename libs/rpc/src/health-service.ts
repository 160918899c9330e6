import type { Health } from "@funkygibbon/runtime/health";
import type { Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

/** How soon a Watch hears of a readiness check that began or ceased to fail. */
const REFRESH_MS = 2_000;

/** Always SERVING as long as the process answers: for liveness probes, which must not restart a service because its database is away. */
export const LIVENESS = "liveness";

/**
 * grpc.health.v1: Check, List and Watch for `""` (the whole), each served service, and {@link LIVENESS}.
 * Check looks at the moment; Watch hears of changes of state at once and of failing checks within two seconds.
 */
export class HealthService implements Disposable {
  readonly #health: Health;
  readonly #names: readonly string[];
  readonly #implementation: HealthImplementation;
  readonly #timer: NodeJS.Timeout;
  readonly #stopListening: () => void;
  #serving = false;

  constructor(health: Health, serviceNames: readonly string[]) {
    this.#health = health;
    this.#names = ["", ...serviceNames];
    this.#implementation = new HealthImplementation({
      ...Object.fromEntries(this.#names.map((name) => [name, "NOT_SERVING" as const])),
      [LIVENESS]: "SERVING",
    });
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS).unref();
    this.#stopListening = health.onChange(() => void this.#refresh());
    void this.#refresh();
  }

  addTo(server: Server): void {
    this.#implementation.addToServer({
      addService: (definition, handlers) => {
        const { check } = handlers;
        if (check === undefined) throw new Error("grpc-health-check has no handler `check`");
        server.addService(definition, {
          ...handlers,
          check: (...call: Parameters<typeof check>) =>
            void this.#refresh().then(() => Reflect.apply(check, undefined, call)),
        });
      },
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#stopListening();
  }

  async #refresh(): Promise<void> {
    const report = await this.#health.check();
    // The state may have moved on while the checks ran.
    const serving = report.ready && this.#health.state === "serving";
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const name of this.#names) this.#implementation.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  }
}
