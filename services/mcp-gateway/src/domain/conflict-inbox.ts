import type { JsonValue } from "@funkygibbon/kernel/json";
import type { ConflictDecision, ConflictType, Strategy } from "@funkygibbon/kernel/record";
import type { Page } from "./graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** One key on which two edits differ; a side without the key has no value. */
export interface ConflictField {
  readonly field: string;
  readonly device: JsonValue | undefined;
  readonly server: JsonValue | undefined;
  readonly base: JsonValue | undefined;
  readonly decided: JsonValue | undefined;
  readonly rule: string;
}

/** Two edits that contradict each other, and what came of it. */
export interface Conflict {
  readonly id: string;
  readonly recordId: string;
  readonly recordKind: "entity" | "relationship";
  readonly type: ConflictType;
  readonly decision: ConflictDecision;
  readonly strategy: Strategy;
  readonly fields: readonly ConflictField[];
  readonly deviceAuthor: string;
  readonly serverAuthor: string;
  /** RFC 3339. */
  readonly openedAt: string;
  readonly etag: string;
}

/** The inbox of contradictions. Throws DomainErrors. */
export interface ConflictInbox {
  /** Newest first. */
  listConflicts(
    call: ToolCall,
    filter: {
      readonly state: "open" | "settled" | "all";
      readonly recordId: string | undefined;
      readonly limit: number;
      readonly cursor: string | undefined;
    },
  ): Promise<Page<Conflict>>;
}
