/** What goes over the channel: something a tab tells the others, or that it has written to the store. */
type TabMessage = { readonly kind: "told"; readonly message: unknown } | { readonly kind: "written" };

/** How the tabs that share a name talk, and who of them may do something alone. */
export class TabChannel {
  readonly #name: string;
  readonly #channel: BroadcastChannel;
  readonly #closed = new AbortController();
  readonly #listeners: ((message: unknown) => void)[] = [];
  readonly #writeListeners: (() => void)[] = [];

  constructor(name: string) {
    this.#name = name;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => {
      if (data.kind === "written") for (const listener of this.#writeListeners) listener();
      else for (const listener of this.#listeners) listener(data.message);
    };
  }

  /** Runs `work` while no other tab does under the same name. @throws when the channel closes or the signal is aborted before that. */
  async alone<T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const signals = signal === undefined ? [this.#closed.signal] : [this.#closed.signal, signal];
    const waiting = { signal: AbortSignal.any(signals) };
    return navigator.locks.request(`${this.#name} ${what}`, waiting, work);
  }

  tell(message: unknown): void {
    this.#post({ kind: "told", message });
  }

  /** This tab has written to the store. */
  written(): void {
    this.#post({ kind: "written" });
  }

  listen(listener: (message: unknown) => void): void {
    this.#listeners.push(listener);
  }

  onWritten(listener: () => void): void {
    this.#writeListeners.push(listener);
  }

  close(): void {
    this.#closed.abort(new Error("the store is closed"));
    this.#channel.close();
  }

  #post(message: TabMessage): void {
    if (!this.#closed.signal.aborted) this.#channel.postMessage(message);
  }
}
