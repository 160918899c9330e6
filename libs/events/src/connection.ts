import { setTimeout as sleep } from "node:timers/promises";
import { unavailable } from "@funkygibbon/kernel/errors";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Meter } from "@opentelemetry/api";
import { connect, Events, type NatsConnection, type Subscription } from "nats";
import { EventMetrics } from "./event-metrics.ts";
import { putStream } from "./jet-stream.ts";
import { mayLackStream, translateError } from "./nats-error.ts";
import { parseServers } from "./servers.ts";
import { COMMITTED_STREAM, type StreamDefinition } from "./subjects.ts";

/** Options of {@link connectEvents}. */
export interface EventOptions {
  /** `nats://[user:password@]host:port`, or `tls://…`; several of one cluster separated by commas. A lone user part is a token. */
  readonly url: string;
  /** As shown by the server. */
  readonly connectionName?: string;
  /** How long {@link connectEvents} waits for a first connection before it returns without one. Default 1 s. */
  readonly firstConnectTimeoutMs?: number;
  /** How long to wait for JetStream to store a message. Default 2 s. */
  readonly publishTimeoutMs?: number;
  readonly log: Logger;
  readonly meter?: Meter;
}

/** An event as it arrived. */
export interface EventMessage {
  readonly subject: string;
  readonly data: Uint8Array;
}

/**
 * The way events travel between services. Events may repeat, overlap, come late or not at all: a connection comes back
 * for ever, but what was published to nobody in between is gone, so who depends on events looks at the log after
 * {@link onAvailabilityChange}.
 */
export interface EventBus extends AsyncDisposable {
  /** Whether NATS is connected now. */
  readonly available: boolean;
  /**
   * Publishes an event. With a message id JetStream stores it before this resolves, and drops it when it has stored the
   * same id within the last two minutes; without one it is fire and forget.
   * @throws DomainError `unavailable` at once while NATS is away.
   */
  publish(subject: string, data: Uint8Array, options?: { readonly messageId?: string }): Promise<void>;
  /**
   * Calls `handler` for each event of `subject` (which may hold wildcards), in order of arrival and without waiting for
   * what it returns. Works while NATS is away: it takes effect when NATS is back. With `queue`, each event goes to one
   * of the subscribers of that queue. What `handler` throws is logged.
   */
  subscribe(subject: string, handler: EventHandler, options?: { readonly queue?: string }): AsyncDisposable;
  /** Makes the stream, or brings it up to its definition. @throws DomainError `unavailable` */
  ensureStream(definition?: StreamDefinition): Promise<void>;
  /** Calls `listener` whenever the connection is lost or back; returns how to stop that. */
  onAvailabilityChange(listener: (available: boolean) => void): () => void;
  /** Resolves when NATS answers. @throws DomainError `unavailable` */
  ping(): Promise<void>;
}

/** Receives events. */
export type EventHandler = (message: EventMessage) => void | Promise<void>;

interface Registration {
  readonly subject: string;
  readonly handler: EventHandler;
  readonly queue: string | undefined;
  active: Subscription | undefined;
}

const PING_TIMEOUT_MS = 2_000;

/** Starts connecting and returns when connected, or without a connection after {@link EventOptions.firstConnectTimeoutMs}. */
export async function connectEvents(options: EventOptions): Promise<EventBus> {
  const bus = new NatsEventBus(options);
  await bus.firstConnection(options.firstConnectTimeoutMs ?? 1_000);
  return bus;
}

class NatsEventBus implements EventBus {
  readonly #options: EventOptions;
  readonly #log: Logger;
  readonly #registrations = new Set<Registration>();
  readonly #listeners = new Set<(available: boolean) => void>();
  readonly #stop = new AbortController();
  readonly #supervision: Promise<void>;
  readonly #metrics: EventMetrics | undefined;
  #connection: NatsConnection | undefined;
  #available = false;
  /** Once per connection: NATS may come back with an empty store. */
  #streamEnsured: Promise<void> | undefined;

  constructor(options: EventOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#metrics = options.meter && new EventMetrics(options.meter, () => this.#available);
    this.#supervision = this.#stayConnected();
  }

  get available(): boolean {
    return this.#available;
  }

  async publish(subject: string, data: Uint8Array, options: { readonly messageId?: string } = {}): Promise<void> {
    const { messageId } = options;
    try {
      if (messageId === undefined) this.#connected().publish(subject, data);
      else await this.#publishStored(subject, data, messageId);
      this.#metrics?.published("ok");
    } catch (error) {
      this.#metrics?.published("failed");
      throw translateError(error);
    }
  }

  subscribe(subject: string, handler: EventHandler, options: { readonly queue?: string } = {}): AsyncDisposable {
    const registration: Registration = { subject, handler, queue: options.queue, active: undefined };
    this.#registrations.add(registration);
    if (this.#connection !== undefined) this.#activate(registration, this.#connection);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#registrations.delete(registration);
        registration.active?.unsubscribe();
      },
    };
  }

  async ensureStream(definition: StreamDefinition = COMMITTED_STREAM): Promise<void> {
    try {
      await putStream(this.#connected(), definition);
    } catch (error) {
      throw translateError(error);
    }
  }

  onAvailabilityChange(listener: (available: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async ping(): Promise<void> {
    const timer = new AbortController();
    const late = sleep(PING_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
      throw unavailable("NATS does not answer");
    });
    try {
      await Promise.race([this.#connected().flush(), late]);
    } catch (error) {
      throw translateError(error);
    } finally {
      late.catch(() => {});
      timer.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#metrics?.stop();
    // What was published gets out, what arrived gets handled; a server that is away is not waited for.
    if (this.#available)
      await Promise.race([this.#connection?.drain().catch(() => {}), sleep(2_000, undefined, { ref: false })]);
    await this.#connection?.close();
    await this.#supervision;
  }

  /** Resolves when connected, or when `withinMs` has passed. */
  async firstConnection(withinMs: number): Promise<void> {
    if (this.#available) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    const forget = this.onAvailabilityChange(() => resolve());
    await promise;
    clearTimeout(timer);
    forget();
  }

  /** Connects for as long as the bus lives. Once connected, the library reconnects by itself; it gives up on some errors, and then this starts over. */
  async #stayConnected(): Promise<void> {
    const { signal } = this.#stop;
    let reported = false;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const connection = await connect(connectionOptions(this.#options));
        attempt = 0;
        reported = false;
        await this.#serve(connection);
      } catch (error) {
        if (!reported) this.#log.warn({ err: error }, "events.connection_failed");
        reported = true;
      }
      const ceilingMs = Math.min(2_000, 100 * 2 ** attempt);
      await sleep(ceilingMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
    }
  }

  /** Resolves when the connection is closed for good. */
  async #serve(connection: NatsConnection): Promise<void> {
    if (this.#stop.signal.aborted) return connection.close();
    this.#connection = connection;
    for (const registration of this.#registrations) this.#activate(registration, connection);
    void this.#watch(connection);
    await connection.flush().catch(() => {});
    this.#setAvailable(!connection.isClosed());
    const failure = await connection.closed();
    this.#connection = undefined;
    this.#setAvailable(false);
    if (failure instanceof Error && !this.#stop.signal.aborted) throw failure;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === Events.Disconnect) this.#setAvailable(false);
      if (status.type === Events.Reconnect) this.#setAvailable(true);
    }
  }

  #setAvailable(available: boolean): void {
    if (this.#available === available) return;
    this.#available = available;
    this.#streamEnsured = undefined;
    if (available) this.#log.info("events.connected");
    else if (!this.#stop.signal.aborted) this.#log.warn("events.connection_lost");
    for (const listener of this.#listeners) listener(available);
  }

  #activate(registration: Registration, connection: NatsConnection): void {
    const { subject, queue, handler } = registration;
    registration.active = connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error !== null) return this.#log.error({ err: error, subject }, "events.subscription_failed");
        const fail = (failure: unknown) =>
          this.#log.error({ err: failure, subject: message.subject }, "events.handler_failed");
        try {
          handler({ subject: message.subject, data: message.data })?.catch(fail);
        } catch (failure) {
          fail(failure);
        }
      },
    });
  }

  async #publishStored(subject: string, data: Uint8Array, messageId: string): Promise<void> {
    const stream = this.#connected().jetstream();
    const options = { msgID: messageId, timeout: this.#options.publishTimeoutMs ?? 2_000 };
    this.#streamEnsured ??= this.ensureStream();
    try {
      await this.#streamEnsured;
      await stream.publish(subject, data, options);
    } catch (error) {
      this.#streamEnsured = undefined;
      if (!mayLackStream(error)) throw error;
      await this.ensureStream();
      await stream.publish(subject, data, options);
    }
  }

  #connected(): NatsConnection {
    if (this.#connection === undefined || !this.#available) throw unavailable("NATS cannot be reached");
    return this.#connection;
  }
}

function connectionOptions(options: EventOptions) {
  return {
    ...parseServers(options.url),
    name: options.connectionName ?? "funkygibbon",
    timeout: 2_000,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 500,
    ignoreAuthErrorAbort: true,
    // Half-open connections are found after 15 to 30 s.
    pingInterval: 15_000,
    maxPingOut: 1,
    // A stack trace for every publication costs a twentieth of a commit.
    noAsyncTraces: true,
  };
}
