import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordKind } from "@funkygibbon/kernel/entity-type";
import type { Origin } from "@funkygibbon/kernel/record";
import type { Page } from "./graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** One version that a call wrote. */
export interface CallChange {
  /** `created` stands for a return from deletion too. */
  readonly change: "created" | "updated" | "deleted";
  readonly recordId: string;
  readonly kind: RecordKind;
  /** Of the entity or the relationship. */
  readonly type: string;
  /** Of an entity; empty when it has none. */
  readonly name: string;
  /** Of a relationship. */
  readonly ends: { readonly fromId: string; readonly toId: string } | undefined;
  readonly version: string;
  /** The head that it replaced; undefined when there was none. */
  readonly versionBefore: string | undefined;
  /** A relationship that went or came back with the entity that the call was about. */
  readonly cascaded: boolean;
}

/** What a call was about that settled a conflict by leaving the record as it was. */
export interface KeptRecord extends Pick<CallChange, "recordId" | "kind" | "type" | "name" | "ends"> {
  readonly conflictId: string;
}

/** A call through the API or of an assistant, and what it wrote. */
export interface RecordedCall {
  readonly origin: Origin;
  /** The user for whom it was made. */
  readonly author: string;
  /** When its first version was committed. */
  readonly committedUs: Micros;
  /** What the caller asked for first, then what went along with it; long lists are cut. */
  readonly changes: readonly CallChange[];
  /** How many there are in all. */
  readonly changeCount: number;
  /** Then there are no changes. */
  readonly kept: KeptRecord | undefined;
}

/** Who changed what. Throws DomainErrors. */
export interface ActivityLog {
  /** Newest first. */
  listCalls(
    call: ToolCall,
    filter: {
      readonly callId?: string | undefined;
      readonly channel?: Origin["channel"] | undefined;
      readonly author?: string | undefined;
      readonly recordId?: string | undefined;
      readonly since?: Date | undefined;
      readonly until?: Date | undefined;
      readonly limit: number;
      readonly cursor?: string | undefined;
    },
  ): Promise<Page<RecordedCall>>;
}
