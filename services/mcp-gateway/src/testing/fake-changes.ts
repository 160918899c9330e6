import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { GraphChanges, TouchedIds } from "../domain/graph-changes.ts";
import type { Said, Session, SessionPeers } from "../domain/sessions.ts";

/** Commits that a test makes up. */
export class FakeChanges implements GraphChanges {
  readonly #watchers = new Set<{ household: HouseholdId; listener: (touched: TouchedIds) => void }>();

  /** The households that are watched. */
  get watched(): readonly string[] {
    return [...this.#watchers].map(({ household }) => household);
  }

  watch(household: HouseholdId, listener: (touched: TouchedIds) => void): AsyncDisposable {
    const watcher = { household, listener };
    this.#watchers.add(watcher);
    return { [Symbol.asyncDispose]: async () => void this.#watchers.delete(watcher) };
  }

  /** A commit that touched these; without any, one of which that is not known. */
  commit(household: string, ids?: readonly string[]): void {
    for (const watcher of this.#watchers) {
      if (watcher.household === household) watcher.listener(ids === undefined ? undefined : new Set(ids));
    }
  }
}

/** Replicas in one process that tell each other what sessions said. */
export class FakePeers {
  readonly #replicas = new Set<(session: Session, said: Said) => void>();

  /** What one of the replicas is given. */
  replica(): SessionPeers {
    let own: ((session: Session, said: Said) => void) | undefined;
    return {
      tell: (session, said) => {
        for (const listener of this.#replicas) if (listener !== own) listener(session, said);
      },
      listen: (listener) => {
        own = listener;
        this.#replicas.add(listener);
        return { [Symbol.asyncDispose]: async () => void this.#replicas.delete(listener) };
      },
    };
  }
}
