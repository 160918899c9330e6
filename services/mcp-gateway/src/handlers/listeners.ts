import type { HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import type { GraphChanges, TouchedIds } from "../domain/graph-changes.ts";
import { mayHaveChanged } from "./resources/address.ts";

/** Resources that one listener may hear of. */
export const MAX_SUBSCRIPTIONS = 100;

/** A client that hears of changes. */
export interface Listener {
  readonly household: HouseholdId;
  readonly user: UserId;
  /** The resources it wants to hear of, now. */
  uris(): Iterable<string>;
  tell(uri: string): void;
}

/** How many clients may listen to one replica. */
export interface ListenerLimits {
  readonly perUser: number;
  readonly total: number;
}

/** Options of {@link Listeners}. */
export interface ListenersOptions {
  readonly changes: GraphChanges;
  readonly limits: ListenerLimits;
  /** One more, or one less. */
  onListening?(change: 1 | -1): void;
}

/** The clients that listen here. A household's commits are heard while one of its clients listens. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #households = new Map<HouseholdId, { readonly listeners: Set<Listener>; readonly watch: AsyncDisposable }>();
  #total = 0;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#total;
  }

  /** Takes a listener in, or says why not; what comes back lets it go. */
  join(listener: Listener): Disposable | { readonly refusal: string } {
    const refusal = this.#refusalFor(listener);
    if (refusal !== undefined) return { refusal };
    const { listeners } = this.#householdOf(listener.household);
    listeners.add(listener);
    this.#total++;
    this.#options.onListening?.(1);
    return { [Symbol.dispose]: () => this.#leave(listener) };
  }

  #refusalFor({ household, user }: Listener): string | undefined {
    const { perUser, total } = this.#options.limits;
    if (this.#total >= total) return `This server has ${total} listeners, which is all it takes: try again later`;
    const others = [...(this.#households.get(household)?.listeners ?? [])].filter((other) => other.user === user);
    if (others.length < perUser) return undefined;
    return `You have ${perUser} listeners, which is all that one user may have: close one first`;
  }

  #householdOf(household: HouseholdId) {
    const known = this.#households.get(household);
    if (known !== undefined) return known;
    const listeners = new Set<Listener>();
    const watch = this.#options.changes.watch(household, (touched) => tellAll(listeners, touched));
    const made = { listeners, watch };
    this.#households.set(household, made);
    return made;
  }

  #leave(listener: Listener): void {
    const household = this.#households.get(listener.household);
    if (household === undefined || !household.listeners.delete(listener)) return;
    this.#total--;
    this.#options.onListening?.(-1);
    if (household.listeners.size > 0) return;
    this.#households.delete(listener.household);
    void household.watch[Symbol.asyncDispose]();
  }
}

function tellAll(listeners: ReadonlySet<Listener>, touched: TouchedIds): void {
  for (const listener of listeners) {
    for (const uri of listener.uris()) if (mayHaveChanged(uri, touched)) listener.tell(uri);
  }
}
