import type { Epoch } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";

/** A record of a page as far as sessions need to look at it. */
export interface LogEntry {
  readonly seq: number;
  readonly deleted: boolean;
  /** The device part of its version. */
  readonly device: string;
  /** The sequence part of its version. */
  readonly sequence: number;
}

/**
 * Heads of a household in the order of their seq, serialised once and shared by all sessions: everything above
 * `afterSeq` up to `throughSeq`, as of one snapshot.
 */
export interface LogPage {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly entries: readonly LogEntry[];
  /** The log in the snapshot that gave the end of the page. */
  readonly position: LogPosition;
  /**
   * The newest head of the log among the snapshots that the page is from. What was replaced up to there is left out, so a
   * device that has the page has no state of the log in full before it has everything up to there.
   */
  readonly snapshotSeq: number;
  /** About how large its records are on the wire. */
  readonly byteLength: number;
  /** Records `first` to before `end`, each as field 2 of a ChangesFrame. */
  wholeRecords(first: number, end: number): readonly Uint8Array[];
  /** The same without their bodies, for the session that wrote them. */
  ownRecords(first: number, end: number): readonly Uint8Array[];
}

/** Entries of a page that follow each other and are sent alike. */
export interface EntryRun {
  readonly first: number;
  /** One after the last. */
  readonly end: number;
  /** The device wrote them in this very session: they go without their bodies. */
  readonly own: boolean;
}

/** What a session is sent depends on. */
export interface PageViewer {
  /** The session has everything up to here. */
  readonly afterSeq: number;
  /** Tombstones up to here are left out. */
  readonly tombstonesAboveSeq: number;
  readonly device: string;
  readonly wroteInThisSession: (sequence: number) => boolean;
}

/** Selects what the session has not got yet: no echo of bodies, no tombstones of what it never had. */
export function selectForViewer(page: LogPage, viewer: PageViewer): EntryRun[] {
  const runs: { first: number; end: number; own: boolean }[] = [];
  for (const [index, entry] of page.entries.entries()) {
    if (entry.seq <= viewer.afterSeq) continue;
    if (entry.deleted && entry.seq <= viewer.tombstonesAboveSeq) continue;
    const own = entry.device === viewer.device && viewer.wroteInThisSession(entry.sequence);
    const last = runs.at(-1);
    if (last?.end === index && last.own === own) last.end = index + 1;
    else runs.push({ first: index, end: index + 1, own });
  }
  return runs;
}

/** How many records these are. */
export function countEntries(runs: readonly EntryRun[]): number {
  return runs.reduce((count, { first, end }) => count + end - first, 0);
}
