import type { SeededRandom } from "./seeded-random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How long a message takes from one process to another, in milliseconds. */
export type Hop = () => number;

/** Most messages take no time worth speaking of, some take a while, so that all orders come up. */
export function lanHop(random: SeededRandom): Hop {
  return () => (random.chance(0.6) ? 0 : random.between(0, random.chance(0.1) ? 60 : 6));
}

/**
 * Something that can be killed at any instruction. What it does to the world it does through guarded ports; from the kill
 * on nothing that it asks for happens, and nothing that it waits for comes.
 */
export class SimulatedProcess {
  readonly #time: VirtualTime;
  readonly #dying: (() => void)[] = [];
  isAlive = true;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    for (const die of this.#dying.splice(0).reverse()) die();
  }

  /** Calls this at the kill. */
  onKill(die: () => void): void {
    this.#dying.push(die);
  }

  /** A port to another process. All its methods answer with promises; each call and each answer takes a hop. */
  guard<Port extends object>(port: Port, hop: Hop): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => this.#call(() => Reflect.apply(member, target, args), hop);
      },
    });
  }

  /** Resolves after a hop; never when the process has died meanwhile. */
  async travel(hop: Hop): Promise<void> {
    const delayMs = hop();
    if (delayMs > 0) await this.#time.sleep(delayMs);
    if (!this.isAlive) await forever();
  }

  async #call(work: () => unknown, hop: Hop): Promise<unknown> {
    await this.travel(hop);
    const answer = await settled(work);
    await this.travel(hop);
    if ("error" in answer) throw answer.error;
    return answer.value;
  }
}

/** What a call that never comes back waits for. */
export function forever(): Promise<never> {
  return new Promise(() => {});
}

async function settled(work: () => unknown): Promise<{ readonly value: unknown } | { readonly error: unknown }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}
