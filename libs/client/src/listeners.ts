/** Those who are told of something. They may come and go at any time, also while all of them are told. */
export class Listeners<T> {
  readonly #entries = new Set<{ readonly listener: (news: T) => void }>();

  /** Tells `listener` from now on, until the returned function is called. */
  add(listener: (news: T) => void): () => void {
    const entry = { listener };
    this.#entries.add(entry);
    return () => this.#entries.delete(entry);
  }

  /**
   * Tells each that is there now and has not gone when its turn comes. What one of them throws is an uncaught error, as with
   * the listeners of an `EventTarget`: it is the app's, and neither what was done nor anybody else may come to harm by it.
   */
  tell(news: T): void {
    for (const entry of [...this.#entries]) {
      if (!this.#entries.has(entry)) continue;
      try {
        entry.listener(news);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
