import { toBinary } from "@bufbuild/protobuf";
import { ConflictRecordSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { Committed, ConflictChanged, Control } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { type HouseholdId, parseDeviceId } from "@funkygibbon/kernel/ids";
import type { Logger } from "@funkygibbon/runtime/log";
import type { FeedListener, HouseholdClock, HouseholdFeed, HouseholdFeeds } from "../domain/ports.ts";
import { type FeedParts, LogFeed } from "./household-feed.ts";

/** What happens in a household, as other replicas and the store tell it. */
export interface HouseholdSink {
  onCommitted(event: Committed): void;
  onControl(control: Control): void;
  onConflictChanged(event: ConflictChanged): void;
}

/** Where events come from. */
export interface FeedEvents {
  /** False while nothing can arrive. */
  readonly available: boolean;
  /** Calls `listener` whenever that changes; returns how to stop it. */
  onAvailabilityChange(listener: () => void): () => void;
  /** Resolves when events arrive from now on. Never rejects: while the bus is away it waits. */
  subscribe(household: HouseholdId, sink: HouseholdSink): { readonly active: Promise<void> } & AsyncDisposable;
}

/** Options of {@link SharedHouseholdFeeds}. */
export interface FeedsOptions extends Pick<FeedParts, "readLog" | "clocks" | "telemetry"> {
  readonly events: FeedEvents;
  readonly log: Logger;
  /** How often a log is looked at while events cannot arrive. Default 1000. */
  readonly pollMs?: number;
  /** How often it is looked at anyway, because events may be lost. Default 30000. */
  readonly safetyPollMs?: number;
}

interface OpenFeed {
  readonly feed: LogFeed;
  readonly subscription: AsyncDisposable;
  pollAtMs: number;
}

const TICK_MS = 250;
const POLLS_AT_ONCE = 16;

/**
 * One feed per household with sessions here. Events wake them; a poll now and then finds what no event told, and does it
 * all while the bus is away, so that sync stays correct without it (docs/protocol.md, section 12).
 */
export class SharedHouseholdFeeds implements HouseholdFeeds, AsyncDisposable {
  readonly #options: FeedsOptions;
  readonly #open = new Map<HouseholdId, OpenFeed>();
  readonly #ticker: NodeJS.Timeout;
  readonly #stopListening: () => void;
  /** Whose log is to be looked at, those that have waited longest at the end. */
  #due: OpenFeed[] = [];
  #polling = 0;

  constructor(options: FeedsOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
    this.#ticker.unref();
    this.#stopListening = options.events.onAvailabilityChange(() => this.#pollAllSoon());
  }

  join(household: HouseholdId, known: HouseholdClock, listener: FeedListener): HouseholdFeed {
    // Learning of a younger epoch ends the feed, and with it its place here.
    this.#open.get(household)?.feed.learn(known.position);
    const { feed } = this.#open.get(household) ?? this.#create(household, known);
    feed.join(listener);
    return feed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticker);
    this.#stopListening();
    this.#due = [];
    const subscriptions = [...this.#open.values()].map(({ subscription }) => subscription[Symbol.asyncDispose]());
    this.#open.clear();
    await Promise.allSettled(subscriptions);
  }

  #create(household: HouseholdId, known: HouseholdClock): OpenFeed {
    const { events, readLog, clocks, telemetry, log } = this.#options;
    const onEnd = () => this.#close(household, opened);
    const feed = new LogFeed(known, { household, readLog, clocks, telemetry, log, onEnd });
    const subscription = events.subscribe(household, {
      onCommitted: (event) => feed.committed(event),
      onControl: (control) => obey(feed, control),
      onConflictChanged: (event) => tellConflict(feed, event),
    });
    // What was committed between the look at the clock and the subscription is found by a poll soon after.
    const opened: OpenFeed = { feed, subscription, pollAtMs: performance.now() + this.#pollMs };
    feed.listening = subscription.active;
    subscription.active.then(() => this.#catchUp(household, feed)).catch(() => {});
    this.#open.set(household, opened);
    return opened;
  }

  /** Events arrive from now on; what came before them is in the clock, which every commit raises. */
  async #catchUp(household: HouseholdId, feed: LogFeed): Promise<void> {
    const clock = await this.#options.clocks.read(household);
    if (clock !== undefined) feed.learn(clock.position);
    else await feed.poll();
  }

  #close(household: HouseholdId, opened: OpenFeed): void {
    if (this.#open.get(household) === opened) this.#open.delete(household);
    Promise.resolve(opened.subscription[Symbol.asyncDispose]()).catch((error: unknown) => {
      this.#options.log.debug({ err: error, household }, "feed.unsubscribe-failed");
    });
  }

  get #pollMs(): number {
    return this.#options.pollMs ?? 1_000;
  }

  /** Both when events stop and when they come back, something may have been missed. */
  #pollAllSoon(): void {
    const nowMs = performance.now();
    for (const opened of this.#open.values()) {
      opened.pollAtMs = Math.min(opened.pollAtMs, nowMs + Math.random() * this.#pollMs);
    }
  }

  #tick(): void {
    const nowMs = performance.now();
    // The longest due first: where there are more than can be looked at in time, each still has its turn.
    this.#due = [...this.#open.values()]
      .filter(({ pollAtMs }) => pollAtMs <= nowMs)
      .sort((one, other) => other.pollAtMs - one.pollAtMs);
    this.#pollDue();
  }

  #pollDue(): void {
    while (this.#polling < POLLS_AT_ONCE) {
      const opened = this.#due.pop();
      if (opened === undefined) return;
      const nextMs = this.#options.events.available ? (this.#options.safetyPollMs ?? 30_000) : this.#pollMs;
      opened.pollAtMs = performance.now() + nextMs * (0.75 + Math.random() / 2);
      this.#poll(opened.feed);
    }
  }

  #poll(feed: LogFeed): void {
    this.#polling += 1;
    feed
      .poll()
      .catch((error: unknown) => this.#options.log.debug({ err: error }, "feed.poll-failed"))
      .finally(() => {
        this.#polling -= 1;
        this.#pollDue();
      });
  }
}

function obey(feed: LogFeed, { command }: Control): void {
  switch (command.case) {
    case "requestSync": {
      const { deviceId, reason } = command.value;
      const device = deviceId === "" ? undefined : parseDeviceId(deviceId);
      feed.tell((listener) => listener.onSyncRequested(device, reason));
      break;
    }
    case "supersede": {
      const { deviceId, sessionId } = command.value;
      const device = parseDeviceId(deviceId);
      feed.tell((listener) => listener.onSuperseded(device, sessionId));
      break;
    }
    case "forget": {
      const device = parseDeviceId(command.value.deviceId);
      feed.tell((listener) => listener.onForgotten(device));
      break;
    }
    case undefined:
      break;
  }
}

function tellConflict(feed: LogFeed, { conflict }: ConflictChanged): void {
  if (conflict === undefined) return;
  const told = { bytes: toBinary(ConflictRecordSchema, conflict) };
  feed.tell((listener) => listener.onConflictChanged(told));
}
