import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { IntegrityFault } from "./integrity.ts";

/** Counts of a household's graph. */
export interface Statistics {
  /** Live entities; types of which there are none are left out. */
  readonly entities: ReadonlyMap<EntityType, number>;
  /** Live relationships; types of which there are none are left out. */
  readonly relationships: ReadonlyMap<RelationshipType, number>;
  /** Tombstones. */
  readonly deletedRecords: number;
  /** Versions in the log, which is also its newest seq. */
  readonly versions: number;
  /** Conflicts that wait for a person. */
  readonly openConflicts: number;
}

/** What a check of a household's data found. */
export interface IntegrityReport {
  /** At most 100. */
  readonly faults: readonly IntegrityFault[];
  readonly checkedRecords: number;
}

/** Questions about a household's data as a whole. */
export interface HouseholdReads {
  statistics(household: HouseholdId, signal?: AbortSignal): Promise<Statistics>;
  checkIntegrity(household: HouseholdId, signal?: AbortSignal): Promise<IntegrityReport>;
}
