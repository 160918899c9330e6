import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ActivityChangeSchema,
  ActivitySchema,
  ActivityService,
  KeptRecordSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/activity_service_pb";
import { DifferenceKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import type { RecordContent } from "@funkygibbon/kernel/content";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseUserId } from "@funkygibbon/kernel/ids";
import type { Origin } from "@funkygibbon/kernel/record";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import { originToWire } from "@funkygibbon/wire/origin";
import type { ActivityPosition, KeptRecord, RecordedCall, RecordedChange } from "../../domain/activity-reads.ts";
import { SERVER_USER } from "../../domain/cascade.ts";
import type { PagePosition, PageScope } from "../../domain/page-token.ts";
import { parseAt, parseCount, parseOptionalId, parseText, timestampOf } from "../shared/fields.ts";
import type { StoreApi } from "../shared/store-api.ts";

const PAGE_SIZE = { field: "page_size", standard: 50, maximum: 200 };

/** ActivityService.ListActivity. */
export function listActivity({
  activity,
  pageTokens,
}: Pick<StoreApi, "activity" | "pageTokens">): HandlerOf<typeof ActivityService.method.listActivity> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const size = parseCount(request.pageSize, PAGE_SIZE);
    const filter = {
      call: request.callId === "" ? undefined : parseText(request.callId, "call_id"),
      channel: parseChannel(request.channel),
      author: request.author === "" ? undefined : parseUserId(request.author, "author"),
      record: parseOptionalId(request.recordId, "record_id"),
      since: parseAt(request.since, "since"),
      until: parseAt(request.until, "until"),
    };
    const scope: PageScope = { household, list: "activity", filter };
    const before = positionOf(pageTokens.open(scope, request.pageToken));
    const calls = await activity.calls({ ...filter, household, before, limit: size + 1, signal: call.signal });
    const last = calls.length > size ? calls[size - 1] : undefined;
    return {
      calls: calls.slice(0, size).map(presentCall),
      nextPageToken: last === undefined ? "" : pageTokens.seal(scope, tokenOf(last.position)),
    };
  };
}

function tokenOf({ seq, decision }: ActivityPosition): PagePosition {
  return decision === undefined ? [seq] : [seq, decision.decidedUs, decision.conflict, decision.revision];
}

/** Page tokens are genuine, so what is in them was put there by this list. */
function positionOf(position: PagePosition | undefined): ActivityPosition | undefined {
  if (position === undefined) return undefined;
  const [seq, decidedUs, conflict, revision] = position;
  const decision =
    conflict === undefined
      ? undefined
      : { decidedUs: Number(decidedUs), conflict: String(conflict), revision: Number(revision) };
  return { seq: Number(seq), decision };
}

function parseChannel(text: string): Origin["channel"] | undefined {
  if (text === "" || text === "api" || text === "mcp") return text === "" ? undefined : text;
  throw invalid([{ field: "channel", description: "must be api or mcp" }]);
}

function presentCall(call: RecordedCall): MessageInitShape<typeof ActivitySchema> {
  return {
    origin: originToWire(call.origin),
    author: call.author,
    time: timestampOf(call.committedUs),
    changes: call.changes.map(presentChange),
    changeCount: BigInt(call.changeCount),
    ...(call.kept && { kept: presentKept(call.kept) }),
  };
}

function presentKept({ conflict, record, content, name }: KeptRecord): MessageInitShape<typeof KeptRecordSchema> {
  return { conflictId: conflict, recordId: record, name, ...whatItIs(content) };
}

function presentChange(change: RecordedChange): MessageInitShape<typeof ActivityChangeSchema> {
  const { content } = change;
  return {
    kind: kindOf(change),
    recordId: change.record,
    name: change.name,
    ...whatItIs(content),
    version: change.version,
    versionBefore: change.before?.version ?? "",
    cascaded: change.author === SERVER_USER,
  };
}

function whatItIs(content: RecordContent) {
  return content.kind === "entity"
    ? { entityType: entityTypes.toWire(content.type) }
    : { relationshipType: relationshipTypes.toWire(content.type), fromId: content.from, toId: content.to };
}

function kindOf({ before, deleted }: RecordedChange): DifferenceKind {
  if (deleted) return DifferenceKind.DELETED;
  return before === undefined || before.deleted ? DifferenceKind.CREATED : DifferenceKind.UPDATED;
}
