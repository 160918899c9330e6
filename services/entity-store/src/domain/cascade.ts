import { contentHash, contentKeys, type RelationshipContent } from "@funkygibbon/kernel/content";
import type { RecordId, UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { Origin } from "@funkygibbon/kernel/record";
import { compactStamps } from "@funkygibbon/kernel/stamp";
import { stampsOf } from "./derive-stamps.ts";
import { judgeEdge, relationshipTypeOf } from "./edge-rules.ts";
import { eachWithFacts } from "./missing-fact.ts";
import type { Head } from "./stored-version.ts";
import type { Appended, PlannedHead, WorkingLog } from "./working-log.ts";

/** The author of what the server does by itself. */
export const SERVER_USER = "server" as UserId;

/** What became head, and the edges that went or came back with it. */
export interface Accepted {
  readonly head: PlannedHead;
  readonly cascaded: readonly PlannedHead[];
}

/**
 * Makes a version the head of its record. Deleting an entity takes its edges with it; restoring it brings back the
 * edges that a deletion took, where both ends live and no cycle would close (docs/protocol.md, 4 rule 6).
 */
export function acceptWithCascade(log: WorkingLog, version: Appended): Accepted {
  const before = log.head(version.record);
  if (version.content.kind === "relationship" || before === undefined || before.deleted === version.deleted) {
    return { head: log.accept(version), cascaded: [] };
  }
  const edges = log.edgesAt(version.record, version.deleted ? "dies" : "lives");
  const head = log.accept(version);
  const cascaded = eachWithFacts(edges, (edge) => {
    const next = version.deleted ? entombed(log, edge, version.origin) : returned(log, edge, version.origin);
    return next === undefined ? [] : [log.accept(next)];
  });
  return { head, cascaded: cascaded.flat() };
}

function entombed(log: WorkingLog, edge: Head, origin: Origin | undefined): Appended {
  const content: RelationshipContent = { ...endsOf(edge), kind: "relationship", body: null };
  return {
    ...serverEdit(log, edge, origin),
    content,
    bodyText: null,
    deleted: true,
    stamps: [],
    contentHash: contentHash(content, log.context.sha256),
  };
}

/** The edge as it was before its deletion, or undefined when it cannot live now. Its stamps are those of its last edit: a return is nobody's. */
function returned(log: WorkingLog, tombstone: Head, origin: Origin | undefined): Appended | undefined {
  const content: RelationshipContent = { ...endsOf(tombstone), kind: "relationship", body: null };
  if (judgeEdge(log, tombstone.record, content).kind !== "allowed") return undefined;
  const last = log.detail(tombstone).parents[0];
  const alive = last === undefined ? undefined : log.version(tombstone.record, last);
  if (alive === undefined || alive.deleted || alive.bodyRemoved) return undefined;
  const edit = serverEdit(log, tombstone, origin);
  const own = { effectiveUs: edit.effectiveUs, device: edit.device, sequence: edit.sequence };
  return {
    ...edit,
    content: alive.content,
    bodyText: alive.bodyText,
    deleted: false,
    stamps: compactStamps(stampsOf(alive), contentKeys(alive.content), own),
    contentHash: alive.contentHash,
  };
}

function serverEdit(log: WorkingLog, replaced: Head, origin: Origin | undefined) {
  return {
    ...log.mint("server"),
    record: replaced.record,
    parents: [replaced.version],
    source: replaced.source,
    author: SERVER_USER,
    claimedUs: log.committedUs,
    effectiveUs: log.committedUs,
    bodyRemoved: false,
    origin,
    healer: undefined,
  };
}

function endsOf(edge: Head): { type: RelationshipContent["type"]; from: RecordId; to: RecordId } {
  return {
    type: must(relationshipTypeOf(edge), "an edge at an entity is a relationship"),
    from: must(edge.from, "a relationship has a start"),
    to: must(edge.to, "a relationship has an end"),
  };
}
