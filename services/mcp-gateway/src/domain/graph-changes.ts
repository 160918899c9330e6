import type { HouseholdId } from "@funkygibbon/kernel/ids";

/** The entities that a commit concerns, the ends of relationships among them; undefined: any may have changed. */
export type TouchedIds = ReadonlySet<string> | undefined;

/** Tells when a household's graph changes, whoever changed it. */
export interface GraphChanges {
  /** Calls `listener` soon after each commit. It may be called twice for one, or once for a change that was none. */
  watch(household: HouseholdId, listener: (touched: TouchedIds) => void): AsyncDisposable;
}
