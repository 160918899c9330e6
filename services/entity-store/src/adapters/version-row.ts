import type { Outcome as WireOutcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type {
  EntityType as WireEntityType,
  RelationshipType as WireRelationshipType,
  SourceType as WireSourceType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { RecordContent } from "@funkygibbon/kernel/content";
import { internal } from "@funkygibbon/kernel/errors";
import type { DeviceId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import type { Origin, StoredOutcome } from "@funkygibbon/kernel/record";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import { outcomes } from "@funkygibbon/wire/outcomes";
import type { StoredVersion } from "../domain/stored-version.ts";

/** The columns of {@link VersionRow}, of a table or alias `v`. */
export const VERSION_COLUMNS = `v.record_id, v.version, v.seq, v.device_id, v.sequence, v.parents, v.kind, v.type,
  v.from_id, v.to_id, v.body, v.body_removed, v.deleted, v.content_hash, v.stamps, v.source, v.author, v.healer,
  v.claimed_us, v.effective_us, v.committed_us, v.outcome, v.origin_channel, v.origin_client, v.origin_tool,
  v.origin_call`;

/** A row of record_versions. */
export interface VersionRow {
  readonly record_id: string;
  readonly version: string;
  readonly seq: number;
  readonly device_id: string;
  readonly sequence: number;
  readonly parents: string[];
  readonly kind: number;
  readonly type: number;
  readonly from_id: string | null;
  readonly to_id: string | null;
  readonly body: string | null;
  readonly body_removed: boolean;
  readonly deleted: boolean;
  readonly content_hash: Buffer;
  readonly stamps: string | null;
  readonly source: number;
  readonly author: string;
  readonly healer: string | null;
  readonly claimed_us: number;
  readonly effective_us: number;
  readonly committed_us: number;
  readonly outcome: number;
  readonly origin_channel: string | null;
  readonly origin_client: string | null;
  readonly origin_tool: string | null;
  readonly origin_call: string | null;
}

/** The column `kind` of an entity and of a relationship. */
export const ENTITY_KIND = 1;
export const RELATIONSHIP_KIND = 2;

/** A row of our own log is what planCommit wrote: its ids and texts were parsed when they came in. */
export function versionFromRow(row: VersionRow): StoredVersion {
  return {
    record: row.record_id as RecordId,
    version: row.version as VersionId,
    parents: row.parents as VersionId[],
    content: contentFromRow(row, row.body === null ? null : parseBody(row.body)),
    bodyText: row.body,
    source: sourceTypes.mustFromWire(row.source as WireSourceType),
    deleted: row.deleted,
    seq: row.seq,
    author: row.author as UserId,
    healer: (row.healer ?? undefined) as UserId | undefined,
    device: row.device_id as DeviceId,
    sequence: row.sequence,
    stamps: stampsFromText(row.stamps),
    claimedUs: row.claimed_us,
    effectiveUs: row.effective_us,
    committedUs: row.committed_us,
    outcome: outcomeFromCode(row.outcome),
    contentHash: row.content_hash.toString("hex"),
    bodyRemoved: row.body_removed,
    origin: originFromRow(row),
  };
}

/** The type and ends of a row together with its body. */
export function contentFromRow(
  row: Pick<VersionRow, "kind" | "type" | "from_id" | "to_id">,
  body: JsonObject | null,
): RecordContent {
  if (row.kind === ENTITY_KIND) return { kind: "entity", type: entityTypeFromCode(row.type), body };
  return {
    kind: "relationship",
    type: relationshipTypes.mustFromWire(row.type as WireRelationshipType),
    from: must(row.from_id, "a relationship has a start") as RecordId,
    to: must(row.to_id, "a relationship has an end") as RecordId,
    body,
  };
}

/** The entity type of a code. */
export function entityTypeFromCode(code: number) {
  return entityTypes.mustFromWire(code as WireEntityType);
}

/** The outcome of a code; only four of them are ever stored. */
export function outcomeFromCode(code: number): StoredOutcome {
  const outcome = outcomes.mustFromWire(code as WireOutcome);
  if (outcome === "deferred" || outcome === "retry" || outcome === "rejected") {
    throw internal(`broken invariant: a version was stored as ${outcome}`);
  }
  return outcome;
}

/** The codes of a content's kind and type. */
export function codesOf(content: RecordContent): { readonly kind: number; readonly type: number } {
  return content.kind === "entity"
    ? { kind: ENTITY_KIND, type: entityTypes.toWire(content.type) }
    : { kind: RELATIONSHIP_KIND, type: relationshipTypes.toWire(content.type) };
}

/** Compact stamps as the log keeps them: null for a version all of whose keys are its own. */
export function stampsToText(stamps: KeyStamps): string | null {
  if (stamps.length === 0) return null;
  return JSON.stringify(
    stamps.map(({ stamp, keys }) => [stamp.effectiveUs, stamp.device, stamp.sequence, keys] satisfies StampTuple),
  );
}

/** The inverse of {@link stampsToText}. */
export function stampsFromText(text: string | null): KeyStamps {
  if (text === null) return [];
  const tuples: StampTuple[] = JSON.parse(text);
  return tuples.map(([effectiveUs, device, sequence, keys]) => ({ stamp: { effectiveUs, device, sequence }, keys }));
}

type StampTuple = [effectiveUs: number, device: DeviceId, sequence: number, keys: readonly string[]];

/** The door of an API write; undefined for all other versions. */
export function originFromRow(
  row: Pick<VersionRow, "origin_channel" | "origin_client" | "origin_tool" | "origin_call">,
): Origin | undefined {
  const channel = row.origin_channel;
  if (channel !== "api" && channel !== "mcp") return undefined;
  return {
    channel,
    clientName: row.origin_client ?? "",
    tool: row.origin_tool ?? "",
    callId: row.origin_call ?? "",
  };
}

/** Bodies were checked when they came in: plain parsing is enough. */
function parseBody(text: string): JsonObject {
  return JSON.parse(text);
}
