import type { RelationshipContent } from "@funkygibbon/kernel/content";
import { failedPrecondition, invalid } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { assertNever } from "@funkygibbon/kernel/must";
import { judgeEdge } from "./edge-rules.ts";
import type { WorkingLog } from "./working-log.ts";

/** Refuses an edge that may not become head, for callers that can be told at once. @throws DomainError naming the rule. */
export function refuseUnlessAllowed(log: WorkingLog, record: RecordId, edge: RelationshipContent): void {
  const verdict = judgeEdge(log, record, edge);
  switch (verdict.kind) {
    case "allowed":
      return;
    case "unknown-end":
      throw failedPrecondition("ENDPOINT_UNKNOWN", "an end of the relationship does not exist", {
        field: verdict.field,
      });
    case "forbidden":
      throw invalid([{ field: "type", description: verdict.message }], "FORBIDDEN_ENDPOINTS");
    case "dead-end":
      throw failedPrecondition("ENDPOINT_DELETED", "an end of the relationship is deleted");
    case "cycle":
      throw failedPrecondition("CYCLIC_RELATIONSHIP", `the relationship would close a cycle of ${edge.type}`);
    default:
      assertNever(verdict, "edge verdict");
  }
}
