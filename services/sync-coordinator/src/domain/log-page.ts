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
  /** The log in the snapshot of the page; undefined when the page came by an event that was not the newest. */
  readonly position: LogPosition | undefined;
  /** How large its records are on the wire. */
  readonly byteLength: number;
  /** Records `first` to before `end`, each as field 2 of a ChangesFrame. */
  wholeRecords(first: number, end: number): readonly Uint8Array[];
  /** The record as field 2 of a ChangesFrame, without its body, for the session that wrote it. */
  ownRecord(index: number): Uint8Array;
}

/** Whether the page reaches the head of its own snapshot, so that its digest holds right after it. */
export function reachesHead(page: LogPage): boolean {
  return page.position !== undefined && page.throughSeq >= page.position.headSeq;
}

/** What of a page one session is sent. */
export interface PageSelection {
  /** Indexes of the entries, ascending. */
  readonly indexes: readonly number[];
  /** Those among them that the device wrote in this very session. */
  readonly own: ReadonlySet<number>;
  /** Every entry, and none of them as an own one: what most sessions are sent. */
  readonly whole: boolean;
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
export function selectForViewer(page: LogPage, viewer: PageViewer): PageSelection {
  const indexes: number[] = [];
  const own = new Set<number>();
  for (const [index, entry] of page.entries.entries()) {
    if (entry.seq <= viewer.afterSeq) continue;
    if (entry.deleted && entry.seq <= viewer.tombstonesAboveSeq) continue;
    indexes.push(index);
    if (entry.device === viewer.device && viewer.wroteInThisSession(entry.sequence)) own.add(index);
  }
  return { indexes, own, whole: own.size === 0 && indexes.length === page.entries.length };
}
