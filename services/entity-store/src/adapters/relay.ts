import { setTimeout as sleep } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import type { EventBus } from "@funkygibbon/events/connection";
import { householdSubject } from "@funkygibbon/events/subjects";
import { ConflictChangedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import type { Clock } from "@funkygibbon/kernel/clock";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Database } from "@funkygibbon/postgres/database";
import type { Logger } from "@funkygibbon/runtime/log";
import { conflictToWire } from "@funkygibbon/wire/conflict";
import { versionToWire } from "@funkygibbon/wire/record-version";
import type { CommitNotice } from "../domain/commit-notice.ts";
import { type CommittedStretch, committedEvent, committedMessageId } from "./committed-event.ts";
import { PublishedStretches } from "./published-stretches.ts";
import { findLagging, movePositions } from "./relay-positions.ts";
import { relayHousehold } from "./relay-sweep.ts";

/** Options of {@link Relay}. */
export interface RelayOptions {
  /** As the relay role, which sees the positions of all households. */
  readonly database: Database;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Logger;
  /** How often to look for commits that nobody has published. Default 5 s. */
  readonly sweepIntervalMs?: number;
  /** How long positions of published commits are gathered before they are moved. Default 25 ms. */
  readonly flushDelayMs?: number;
  /** Told at each sweep how far behind the relay is. */
  readonly onLag?: (lag: RelayLag) => void;
}

/** What had not been published when the sweep looked. */
export interface RelayLag {
  readonly households: number;
  readonly versions: number;
  /** Age of the newest commit of the household that waits longest. */
  readonly ageMs: number;
}

const MAX_HOUSEHOLDS_PER_SWEEP = 200;
/** A commit this young is probably being published by whoever made it. */
const SWEEP_AFTER_MS = 1_000;

/**
 * Tells the household's coordinators about commits (docs/protocol.md, section 12). The log is the outbox: a commit of
 * this process is published at once, from memory; whatever was missed, because NATS was away or a process died, is found
 * by a sweep over the positions. Events may therefore repeat and come out of order; seq and message id make that harmless.
 */
export class Relay implements AsyncDisposable {
  readonly #options: RelayOptions;
  readonly #stop = new AbortController();
  readonly #published = new PublishedStretches();
  readonly #forgetAvailability: () => void;
  readonly #sweeping: Promise<void>;
  #flushing: Promise<void> | undefined;
  #wakeSweep: () => void = () => {};

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#forgetAvailability = options.events.onAvailabilityChange((available) => {
      if (available) this.#wakeSweep();
    });
    this.#sweeping = this.#sweepForEver();
  }

  /** A commit of this process has become durable. Returns at once. */
  onCommit(notice: CommitNotice): void {
    if (notice.lastSeq > 0) void this.#publishCommit(notice);
    for (const conflict of notice.conflicts) {
      const event = create(ConflictChangedSchema, {
        householdId: notice.household,
        conflict: conflictToWire(conflict),
      });
      const subject = householdSubject(notice.household, "conflict");
      // Nobody relies on it: the inbox reads the rows.
      this.#options.events.publish(subject, toBinary(ConflictChangedSchema, event)).catch(() => {});
    }
  }

  /** Publishes now whatever has not been published. @throws AggregateError when some households could not be told; all have been tried. */
  async sweep(options: { readonly evenYoung: boolean } = { evenYoung: true }): Promise<void> {
    const { database, events, clock, onLag } = this.#options;
    const lagging = await findLagging(database, MAX_HOUSEHOLDS_PER_SWEEP);
    const ageMs = (committedUs: number) => (clock.now() - committedUs) / 1_000;
    onLag?.({
      households: lagging.length,
      versions: lagging.reduce((sum, one) => sum + one.versions, 0),
      ageMs: Math.max(0, ageMs(lagging[0]?.committedUs ?? clock.now())),
    });
    const failures: unknown[] = [];
    for (const { household, committedUs } of lagging) {
      if (this.#stop.signal.aborted || !events.available) break;
      if (!options.evenYoung && isYoung(ageMs(committedUs))) continue;
      // What is wrong with one log is no reason for the households behind it to wait.
      await relayHousehold({ database, events, household }).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} households could not be told`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forgetAvailability();
    this.#stop.abort();
    this.#wakeSweep();
    await this.#sweeping;
    await this.#flushing;
    await this.#flush();
  }

  async #publishCommit(notice: CommitNotice): Promise<void> {
    const stretch = stretchOf(notice);
    const published = this.#published.begin(stretch);
    try {
      const subject = householdSubject(stretch.household, "committed");
      await this.#options.events.publish(subject, committedEvent(stretch), {
        messageId: committedMessageId(stretch),
      });
      published.done();
      this.#scheduleFlush();
    } catch {
      // NATS says for itself that it is away; the sweep finds this commit by its position.
      published.failed();
    }
  }

  /** Positions are moved in batches: they only say what need not be published again. */
  #scheduleFlush(): void {
    this.#flushing ??= (async () => {
      await sleep(this.#options.flushDelayMs ?? 25, undefined, { signal: this.#stop.signal }).catch(() => {});
      this.#flushing = undefined;
      await this.#flush();
    })();
  }

  async #flush(): Promise<void> {
    const stretches = this.#published.takeFinished();
    if (stretches.length === 0) return;
    try {
      await movePositions(this.#options.database, stretches);
    } catch (error) {
      this.#options.log.warn({ err: error, households: stretches.length }, "relay.positions-not-moved");
    }
  }

  async #sweepForEver(): Promise<void> {
    const { signal } = this.#stop;
    // What was missed while no relay ran is published at once.
    let evenYoung = true;
    while (!signal.aborted) {
      try {
        await this.sweep({ evenYoung });
      } catch (error) {
        if (!signal.aborted) this.#options.log.warn({ err: error }, "relay.sweep-failed");
      }
      evenYoung = await this.#pause();
    }
  }

  /** Until the next sweep is due; true when something has called for it. */
  async #pause(): Promise<boolean> {
    if (this.#stop.signal.aborted) return false;
    const woken = Promise.withResolvers<boolean>();
    this.#wakeSweep = () => woken.resolve(true);
    const timer = setTimeout(() => woken.resolve(false), this.#options.sweepIntervalMs ?? 5_000);
    const called = await woken.promise;
    clearTimeout(timer);
    this.#wakeSweep = () => {};
    return called;
  }
}

/** A commit from later than now is of another clock, or of this one before it was set back: nobody knows how old it is. */
function isYoung(ageMs: number): boolean {
  return ageMs >= 0 && ageMs < SWEEP_AFTER_MS;
}

function stretchOf(notice: CommitNotice): CommittedStretch {
  return {
    household: notice.household as HouseholdId,
    epoch: notice.position.epoch,
    fromSeq: notice.firstSeq,
    toSeq: notice.lastSeq,
    originDevice: notice.originDevice,
    heads: notice.heads.map(({ detail }) => ({
      bodyLength: detail.bodyText?.length ?? 0,
      toWire: () => versionToWire(detail, detail.bodyText ?? ""),
    })),
    digest: notice.position.digest,
    committedUs: notice.position.committedUs,
  };
}
