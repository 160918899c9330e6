import { type Session, sessionKey } from "../domain/sessions.ts";
import { MAX_SUBSCRIPTIONS } from "./listeners.ts";

/** Sessions whose subscriptions are remembered; the one that was used longest ago is forgotten first. */
const MAX_SESSIONS = 2_000;

/**
 * Which resources the sessions of revision 2025-11-25 want to hear of. Such a client subscribes in one HTTP request and
 * listens in another, so this is remembered between them, on every replica.
 */
export class LegacySubscriptions {
  readonly #urisOf = new Map<string, Set<string>>();

  /** False: the session has as many as it may have. */
  add(session: Session, uri: string): boolean {
    const uris = this.#renewed(session);
    if (uris.size >= MAX_SUBSCRIPTIONS && !uris.has(uri)) return false;
    uris.add(uri);
    return true;
  }

  remove(session: Session, uri: string): void {
    this.#urisOf.get(sessionKey(session))?.delete(uri);
  }

  of(session: Session): Iterable<string> {
    return this.#urisOf.get(sessionKey(session)) ?? [];
  }

  #renewed(session: Session): Set<string> {
    const key = sessionKey(session);
    const uris = this.#urisOf.get(key) ?? new Set<string>();
    // Set anew at the end: a Map iterates in the order of insertion, so the first key is the oldest.
    this.#urisOf.delete(key);
    this.#urisOf.set(key, uris);
    if (this.#urisOf.size > MAX_SESSIONS) this.#urisOf.delete(this.#urisOf.keys().next().value ?? key);
    return uris;
  }
}
