import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import type { ConflictDecision, ConflictType, RecordVersion, Strategy } from "@funkygibbon/kernel/record";
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

/** Which side of a conflict a person takes: one of both, the merge of both, or words of their own. */
export type ConflictChoice =
  | { readonly kind: "device" | "server" | "merge" }
  | { readonly kind: "content"; readonly content: JsonObject };

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
  getConflict(call: ToolCall, id: string): Promise<Conflict>;
  /** Settles a conflict, or decides a settled one again; a version with both sides as parents, in the caller's name. `stale` when it has moved since. */
  settleConflict(
    call: ToolCall,
    settlement: {
      readonly id: string;
      /** As the caller saw it. */
      readonly etag: string;
      readonly choice: ConflictChoice;
      /** Check everything, store nothing; the answer is what would be. */
      readonly dryRun: boolean;
    },
  ): Promise<{
    readonly conflict: Conflict;
    /** What the record says after it; undefined when there is none. */
    readonly head: RecordVersion | undefined;
  }>;
}
