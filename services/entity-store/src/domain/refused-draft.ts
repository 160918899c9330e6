import type { RecordContent } from "@funkygibbon/kernel/content";
import { ENDS_KEY } from "@funkygibbon/kernel/content";
import type { ConflictDraft } from "@funkygibbon/kernel/record";
import type { EdgeVerdict } from "./edge-rules.ts";
import type { Head } from "./stored-version.ts";

/** The conflict of an edge that may not become head, whoever would have won (docs/protocol.md, section 5, rung 2). */
export function refusedDraft(content: RecordContent, head: Head | undefined, verdict: EdgeVerdict): ConflictDraft {
  const cycle = verdict.kind === "cycle";
  const serverJson = head === undefined || head.deleted ? undefined : endsJson(head);
  return {
    type: cycle ? "cyclic_relationship" : "delete_update",
    strategy: "accept_server",
    decision: "kept_server",
    fields: [
      {
        field: ENDS_KEY,
        localJson: content.kind === "relationship" ? endsJson(content) : undefined,
        serverJson,
        baseJson: undefined,
        decidedJson: serverJson,
        rule: cycle ? "cycle-refused" : "dead-end-refused",
      },
    ],
  };
}

function endsJson(edge: {
  readonly type: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}) {
  return JSON.stringify({ type: edge.type, from: edge.from, to: edge.to });
}
