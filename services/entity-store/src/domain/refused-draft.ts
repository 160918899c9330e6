import { ENDS_KEY, type RecordContent } from "@funkygibbon/kernel/content";
import { canonicalJson, jsonGet } from "@funkygibbon/kernel/json";
import type { ConflictDraft, FieldConflict } from "@funkygibbon/kernel/record";
import type { EdgeVerdict } from "./edge-rules.ts";
import { changedKeys, differingKeys } from "./history.ts";
import type { StoredVersion } from "./stored-version.ts";
import type { Appended } from "./working-log.ts";

/** An edit of an edge that may not become head. */
export interface RefusedEdge {
  /** The device's side. */
  readonly local: Appended;
  /** The head; undefined when the record has none. */
  readonly server: StoredVersion | undefined;
  /** What the edit was made upon, where that is known. */
  readonly base: StoredVersion | undefined;
}

/**
 * The conflict of an edge that may not become head, whoever would have won (docs/protocol.md, section 5, rung 2): its ends,
 * which are why, and every property that the edit had set or removed, which is lost with them.
 */
export function refusedDraft({ local, server, base }: RefusedEdge, verdict: EdgeVerdict): ConflictDraft {
  const cycle = verdict.kind === "cycle";
  const rule = cycle ? "cycle-refused" : "dead-end-refused";
  const changed = base === undefined ? changedKeys(local, undefined) : differingKeys(local, base);
  const edited = changed.filter((key) => key !== ENDS_KEY);
  return {
    type: cycle ? "cyclic_relationship" : "delete_update",
    strategy: "accept_server",
    decision: "kept_server",
    fields: [ENDS_KEY, ...edited].map((key): FieldConflict => {
      const serverJson = server?.deleted === false ? textOf(server.content, key) : undefined;
      return {
        field: key,
        localJson: textOf(local.content, key),
        serverJson,
        baseJson: base && textOf(base.content, key),
        decidedJson: serverJson,
        rule,
      };
    }),
  };
}

function textOf(content: RecordContent, key: string): string | undefined {
  if (key === ENDS_KEY) {
    if (content.kind === "entity") return undefined;
    return canonicalJson({ from: content.from, to: content.to, type: content.type });
  }
  const value = content.body === null ? undefined : jsonGet(content.body, key);
  return value === undefined ? undefined : canonicalJson(value);
}
