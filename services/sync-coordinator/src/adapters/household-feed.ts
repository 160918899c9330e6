import type { ReadLogResponse } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import type { Committed } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { DomainError, failedPrecondition } from "@funkygibbon/kernel/errors";
import type { DeviceId, Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import { MAX_PAGE_BYTES, MAX_PAGE_RECORDS } from "@funkygibbon/kernel/limits";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { Logger } from "@funkygibbon/runtime/log";
import { positionFromWire } from "@funkygibbon/wire/log-position";
import type { LogPage } from "../domain/log-page.ts";
import type { FeedListener, HouseholdClock, HouseholdFeed, LiveClocks, SyncTelemetry } from "../domain/ports.ts";
import type { News } from "../domain/session-state.ts";
import { EncodedLogPage, JoinedLogPage } from "./encoded-log-page.ts";

/** What a feed is made of. */
export interface FeedParts {
  readonly household: HouseholdId;
  readonly readLog: (query: {
    readonly household: HouseholdId;
    readonly afterSeq: number;
    readonly limit?: number;
    readonly tombstonesAboveSeq?: number;
  }) => Promise<ReadLogResponse>;
  readonly clocks: Pick<LiveClocks, "read" | "raise">;
  readonly telemetry: Pick<SyncTelemetry, "logRead">;
  readonly log: Logger;
  /** The feed has no listeners left, or the log was renewed. */
  readonly onEnd: () => void;
}

/** Recent pages are kept for sessions that lag a little: at most this much per household. */
const MAX_CACHED_BYTES = MAX_PAGE_BYTES;
const MAX_CACHED_PAGES = 256;
/** While the household writes, more are kept, or its echoes, which wait for a second, would be read back from the log. */
const MAX_BUSY_BYTES = 4 * MAX_PAGE_BYTES;
const BUSY_MS = 2_000;
/** The log is at rest when nothing has moved for this long; a busy one is called so now and then too. */
const SETTLE_MS = 25;
const SETTLE_AT_LEAST_MS = 250;
/** How long the event of a commit of our own may take before the log is read instead. */
const HINT_PATIENCE_MS = 100;

/**
 * The log of one household as its sessions on this replica share it: events bring small pages, gaps are read from the log
 * once for all who need them.
 */
export class LogFeed implements HouseholdFeed {
  readonly epoch: Epoch;
  listening: Promise<void> = Promise.resolve();
  readonly #parts: FeedParts;
  readonly #listeners = new Set<FeedListener>();
  readonly #reads = new Map<string, Promise<LogPage>>();
  /** Recent pages, each beginning where the one before ends. */
  #pages: LogPage[] = [];
  #cachedBytes = 0;
  #headSeq: number;
  /** Of the snapshot in which `#headSeq` was the head; undefined while nobody has said. */
  #position: LogPosition | undefined;
  #settleTimer: NodeJS.Timeout | undefined;
  #restTimer: NodeJS.Timeout | undefined;
  #restlessSinceMs: number | undefined;
  #ended = false;

  constructor(known: HouseholdClock, parts: FeedParts) {
    this.#parts = parts;
    this.epoch = known.position.epoch;
    this.#headSeq = known.position.headSeq;
    this.#position = known.position;
  }

  get headSeq(): number {
    return this.#headSeq;
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  join(listener: FeedListener): void {
    this.#listeners.add(listener);
  }

  leave(listener: FeedListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#end();
  }

  /** Says something to every session of the household. */
  tell(say: (listener: FeedListener) => void): void {
    for (const listener of [...this.#listeners]) say(listener);
  }

  /** Somebody knows the log at this position. */
  learn(position: LogPosition): void {
    if (position.epoch !== this.epoch) {
      if (position.epoch > this.epoch) this.renew(position.epoch);
      return;
    }
    if (position.headSeq >= this.#headSeq) this.#position = position;
    this.#advance(position.headSeq);
  }

  /** A commit has happened. Events may repeat, overlap and be late. */
  committed(event: Committed): void {
    if (event.epoch !== this.epoch) {
      // UUIDv7: the greater epoch is the younger one. An older one is a late event of a log that is no more.
      if (event.epoch > this.epoch) this.renew(event.epoch as Epoch);
      return;
    }
    const throughSeq = Number(event.toSeq);
    if (event.atHead) {
      const { epoch } = this;
      const position = { epoch, headSeq: throughSeq, digest: event.digest, committedUs: Number(event.committedUs) };
      if (event.inline) {
        const origin = { epoch, afterSeq: Number(event.fromSeq) - 1, throughSeq, position };
        this.#remember(EncodedLogPage.ofMessages(origin, event.versions));
      }
      if (throughSeq >= this.#headSeq) this.#position = position;
    }
    // Told late, an event leaves out what was replaced since, and does not say up to where: the log is read instead.
    this.#advance(throughSeq);
  }

  /** The log has begun anew: every session must go and heal. */
  renew(epoch: Epoch): void {
    this.#parts.log.warn({ household: this.#parts.household, from: this.epoch, to: epoch }, "feed.epoch-changed");
    this.tell((listener) => listener.onEpochChanged(epoch));
    this.#end();
  }

  hint(headSeq: number): void {
    if (headSeq <= this.#headSeq) return;
    setTimeout(() => {
      if (!this.#ended && headSeq > this.#headSeq) this.#advance(headSeq);
    }, HINT_PATIENCE_MS).unref();
  }

  wrote(page: LogPage): void {
    if (this.#ended) return;
    if (page.epoch === this.epoch) this.#remember(page);
    this.learn(page.position);
  }

  /** Looks whether the log has moved without anybody saying so. */
  async poll(): Promise<void> {
    if (!this.#ended) await this.#readLog(this.#headSeq, 0, "poll");
  }

  news(afterSeq: number, device: DeviceId): News {
    let knownFromSeq = this.#headSeq;
    for (let index = this.#pages.length - 1; index >= 0 && knownFromSeq > afterSeq; index -= 1) {
      const page = this.#pages[index];
      if (page === undefined || page.throughSeq < knownFromSeq) break;
      if (page.entries.some((entry) => entry.seq > afterSeq && entry.device !== device)) return "others";
      knownFromSeq = page.afterSeq;
    }
    return knownFromSeq <= afterSeq ? "own" : "unknown";
  }

  async read(afterSeq: number, tombstonesAboveSeq: number): Promise<LogPage> {
    const position = this.#position;
    if (position !== undefined && this.#knowsNothingAbove(afterSeq)) {
      return EncodedLogPage.ofBytes({ epoch: this.epoch, afterSeq, throughSeq: afterSeq, position }, []);
    }
    // Tombstones may be left out only of a snapshot in which the records they end are gone too. A remembered page is
    // older: it may hold such a record still.
    if (afterSeq < tombstonesAboveSeq) return this.#readLog(afterSeq, tombstonesAboveSeq, "gap");
    return this.#cachedAt(afterSeq) ?? this.#readLog(afterSeq, 0, "gap");
  }

  #readLog(afterSeq: number, tombstonesAboveSeq: number, why: "gap" | "poll"): Promise<LogPage> {
    const key = `${afterSeq}/${tombstonesAboveSeq}`;
    const running = this.#reads.get(key);
    if (running !== undefined) return running;
    const read = this.#fetch(afterSeq, tombstonesAboveSeq, why).finally(() => this.#reads.delete(key));
    this.#reads.set(key, read);
    return read;
  }

  async #fetch(afterSeq: number, tombstonesAboveSeq: number, why: "gap" | "poll"): Promise<LogPage> {
    const { household, readLog, telemetry } = this.#parts;
    telemetry.logRead(tombstonesAboveSeq > 0 ? "backlog" : why);
    const response = await readLog({ household, afterSeq, tombstonesAboveSeq });
    const position = positionFromWire(response.position);
    if (position.epoch !== this.epoch) {
      // A live clock of the old log would let every device that comes back run into the same wall, until it expires.
      await this.#parts.clocks.raise({ household, position, firstSeq: position.headSeq, entry: undefined });
      this.learn(position);
      throw failedPrecondition("EPOCH_CHANGED", "the log has been renewed", { epoch: position.epoch });
    }
    const origin = { epoch: this.epoch, afterSeq, throughSeq: Number(response.throughSeq), position };
    const page = EncodedLogPage.ofBytes(origin, response.versions);
    if (tombstonesAboveSeq === 0) this.#remember(page);
    this.learn(position);
    return page;
  }

  #knowsNothingAbove(afterSeq: number): boolean {
    return this.#position?.headSeq === this.#headSeq && afterSeq === this.#headSeq;
  }

  #pageIndexAt(afterSeq: number): number {
    return this.#pages.findIndex((page) => page.afterSeq <= afterSeq && afterSeq < page.throughSeq);
  }

  /** Everything cached from there on that fits one page. */
  #cachedAt(afterSeq: number): LogPage | undefined {
    const first = this.#pageIndexAt(afterSeq);
    const start = this.#pages[first];
    if (start === undefined) return undefined;
    const joined: [LogPage, ...LogPage[]] = [start];
    let records = start.entries.length;
    let bytes = start.byteLength;
    for (const page of this.#pages.slice(first + 1)) {
      records += page.entries.length;
      bytes += page.byteLength;
      if (records > MAX_PAGE_RECORDS || bytes > MAX_PAGE_BYTES) break;
      joined.push(page);
    }
    return joined.length === 1 ? start : new JoinedLogPage(joined);
  }

  #remember(page: LogPage): void {
    const newest = this.#pages.at(-1);
    if (page.throughSeq <= page.afterSeq) return;
    if (newest !== undefined && page.throughSeq <= newest.throughSeq) return;
    // Pages must not overlap, or a session would be sent a record twice.
    if (newest !== undefined && page.afterSeq !== newest.throughSeq) this.#forgetPages();
    this.#pages.push(page);
    this.#cachedBytes += page.byteLength;
    this.#trimPages(MAX_BUSY_BYTES);
    clearTimeout(this.#restTimer);
    if (this.#cachedBytes <= MAX_CACHED_BYTES) return;
    this.#restTimer = setTimeout(() => this.#trimPages(MAX_CACHED_BYTES), BUSY_MS).unref();
  }

  #trimPages(maxBytes: number): void {
    while (this.#cachedBytes > maxBytes || this.#pages.length > MAX_CACHED_PAGES) {
      this.#cachedBytes -= this.#pages.shift()?.byteLength ?? 0;
    }
  }

  #forgetPages(): void {
    this.#pages = [];
    this.#cachedBytes = 0;
  }

  #advance(headSeq: number): void {
    if (this.#ended || headSeq <= this.#headSeq) return;
    this.#headSeq = headSeq;
    this.tell((listener) => listener.onAdvance(headSeq));
    this.#settleSoon();
  }

  #settleSoon(): void {
    const nowMs = performance.now();
    this.#restlessSinceMs ??= nowMs;
    if (this.#settleTimer !== undefined && nowMs - this.#restlessSinceMs > SETTLE_AT_LEAST_MS - SETTLE_MS) return;
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => void this.#settle(), SETTLE_MS).unref();
  }

  async #settle(): Promise<void> {
    this.#settleTimer = undefined;
    this.#restlessSinceMs = undefined;
    try {
      const live = await this.#parts.clocks.read(this.#parts.household);
      if (live?.position.epoch === this.epoch && live.position.headSeq === this.#headSeq)
        this.#position = live.position;
      if (this.#position?.headSeq !== this.#headSeq) await this.#readLog(this.#headSeq, 0, "poll");
      const position = this.#position;
      if (this.#ended || position === undefined || position.headSeq !== this.#headSeq) return;
      this.tell((listener) => listener.onSettled({ clock: { position, versions: live?.versions ?? {} } }));
    } catch (error) {
      if (error instanceof DomainError && error.reason === "EPOCH_CHANGED") return;
      this.#parts.log.warn({ err: error, household: this.#parts.household }, "feed.settle-failed");
      if (!this.#ended) this.#settleSoon();
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#settleTimer);
    clearTimeout(this.#restTimer);
    this.#listeners.clear();
    this.#forgetPages();
    this.#parts.onEnd();
  }
}
