import type { RecordContent } from "@funkygibbon/kernel/content";
import { invalid } from "@funkygibbon/kernel/errors";
import type { Rejection } from "@funkygibbon/kernel/record";

/** What a record is and stays, deleted and restored: a node of a type, or an edge. */
export type Identity = Pick<RecordContent, "kind" | "type">;

/** In which way content is not of the record that it claims to be; the type of a relationship may change. */
export function identityFault(content: Identity, record: Identity): Rejection | undefined {
  if (content.kind !== record.kind) {
    return { reason: "KIND_CHANGED", field: "content", message: `the record is a ${record.kind}` };
  }
  if (content.kind === "entity" && content.type !== record.type) {
    return { reason: "TYPE_CHANGED", field: "entity.type", message: `the entity is a ${record.type}` };
  }
  return undefined;
}

/** For callers that can be told at once. @throws DomainError `invalid` naming `field`. */
export function requireSameIdentity(content: Identity, record: Identity, field: string): void {
  const fault = identityFault(content, record);
  if (fault !== undefined) throw invalid([{ field, description: fault.message }], fault.reason);
}
