import type { LogPosition } from "@funkygibbon/kernel/record";
import { countEntries, type EntryRun, type LogPage, selectForViewer } from "../domain/log-page.ts";
import type { OwnVersions } from "../domain/own-versions.ts";
import type { DeviceRef, HouseholdClock, HouseholdFeed, SettledLog, SyncTelemetry } from "../domain/ports.ts";
import type { PageFacts } from "../domain/session-state.ts";
import type { PageToSend, SessionVoice } from "./session-voice.ts";

/** What the pull half of a session works with. */
export interface SessionPullParts {
  readonly feed: HouseholdFeed;
  readonly voice: SessionVoice;
  readonly telemetry: Pick<SyncTelemetry, "framesSent">;
  readonly device: DeviceRef;
  readonly ownVersions: OwnVersions;
  readonly tombstonesAboveSeq: number;
  /** The household's clock as it was when the session began. */
  readonly clock: HouseholdClock;
}

/** Reads pages for one session and says them to its device. Holds at most one, and only until it is said. */
export class SessionPull {
  readonly #parts: SessionPullParts;
  #held: { readonly page: LogPage; readonly afterSeq: number } | undefined;
  /** Where the log stood in the snapshot of the page that was read last. */
  #position: LogPosition | undefined;
  #clock: HouseholdClock;
  /** The log when it came to rest last, until that has been told. */
  #settled: SettledLog | undefined;

  constructor(parts: SessionPullParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
  }

  /** Reads the page above this seq and holds it. */
  async read(afterSeq: number): Promise<PageFacts> {
    const page = await this.#parts.feed.read(afterSeq, this.#parts.tombstonesAboveSeq);
    this.#held = { page, afterSeq };
    this.#position = page.position;
    const records = countEntries(this.#select(page, afterSeq));
    return { throughSeq: Math.max(page.throughSeq, afterSeq), records, snapshotSeq: page.snapshotSeq };
  }

  /** Says the page that it holds. Resolves when the transport has taken it. */
  async send(frame: Omit<PageToSend, "page" | "runs">): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    // Selected again: pushes may have been answered while the page waited.
    const runs = this.#select(held.page, held.afterSeq);
    this.#parts.telemetry.framesSent(countEntries(runs), frame.backlog);
    await this.#parts.voice.page({ page: held.page, runs, ...frame });
  }

  /** The log has come to rest. */
  settled(log: SettledLog): void {
    this.#settled = log;
  }

  /** Says up_to_date at this seq: of the log at rest, or of the page that was read last. */
  tellUpToDate(seq: number): void {
    const settled = this.#settled;
    this.#settled = undefined;
    if (settled?.clock.position.headSeq === seq) {
      this.#clock = settled.clock;
      this.#parts.voice.upToDate(settled);
      return;
    }
    this.#parts.voice.upToDate({ clock: { ...this.#clock, position: this.#position ?? this.#clock.position } });
  }

  /** Lets go of what it holds. */
  close(): void {
    this.#held = undefined;
  }

  #select(page: LogPage, afterSeq: number): EntryRun[] {
    const { device, ownVersions, tombstonesAboveSeq } = this.#parts;
    return selectForViewer(page, {
      afterSeq,
      tombstonesAboveSeq,
      device: device.device,
      wroteInThisSession: (sequence) => ownVersions.has(sequence),
    });
  }
}
