/**
 * Notices to one client, as fast as it takes them: while it is slow, what changes again and again is told once. So a
 * client that does not read costs no more than the list of its resources.
 */
export class PacedNotices {
  readonly #deliver: (uri: string) => void;
  readonly #waiting = new Set<string>();
  #demanded = false;

  constructor(deliver: (uri: string) => void) {
    this.#deliver = deliver;
  }

  /** A resource has changed. */
  tell(uri: string): void {
    if (!this.#demanded) {
      this.#waiting.add(uri);
      return;
    }
    this.#demanded = false;
    this.#deliver(uri);
  }

  /** The client can take more. */
  demand(): void {
    if (this.#waiting.size === 0) {
      this.#demanded = true;
      return;
    }
    const uris = [...this.#waiting];
    this.#waiting.clear();
    for (const uri of uris) this.#deliver(uri);
  }
}
