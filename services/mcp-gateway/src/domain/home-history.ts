import type { RecordKind } from "@funkygibbon/kernel/entity-type";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import type { Entity, Page, Relationship } from "./graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** One version of a record and what it changed. */
export interface HistoryItem {
  readonly version: RecordVersion;
  /** Against the version before it, sorted; `@ends` for a relationship's type and ends. */
  readonly changedKeys: readonly string[];
  readonly isHead: boolean;
}

/** A record in which the graph of then differs from that of later; at least one of both has it. */
export interface RecordDifference {
  readonly recordId: string;
  readonly before: Entity | Relationship | undefined;
  readonly after: Entity | Relationship | undefined;
  /** Who gave it its later state, and when (RFC 3339); `server` for a relationship that went along with an entity. */
  readonly author: string;
  readonly at: string;
  /** When both have it: the keys whose values differ, sorted; `@ends` for a relationship's type and ends. */
  readonly changedKeys: readonly string[];
}

/** What the graph was. Throws DomainErrors. */
export interface HomeHistory {
  /** Every version of a record, newest first, those that lost and tombstones too; `not-found` when there never was one. */
  listVersions(
    call: ToolCall,
    query: {
      readonly kind: RecordKind;
      readonly id: string;
      readonly limit: number;
      readonly cursor?: string | undefined;
    },
  ): Promise<Page<HistoryItem>>;
  /** What differs between then and later, each record once, in the order in which they got their later state. */
  listDifferences(
    call: ToolCall,
    query: {
      readonly since: Date;
      /** Undefined: now. */
      readonly until: Date | undefined;
      readonly limit: number;
      readonly cursor?: string | undefined;
    },
  ): Promise<Page<RecordDifference>>;
}
