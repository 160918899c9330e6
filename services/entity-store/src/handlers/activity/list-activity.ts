import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ActivityChangeSchema,
  ActivitySchema,
  ActivityService,
} from "@funkygibbon/gen/funkygibbon/entity/v1/activity_service_pb";
import { DifferenceKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseUserId } from "@funkygibbon/kernel/ids";
import type { Origin } from "@funkygibbon/kernel/record";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import { originToWire } from "@funkygibbon/wire/origin";
import type { RecordedCall, RecordedChange } from "../../domain/activity-reads.ts";
import { SERVER_USER } from "../../domain/cascade.ts";
import type { PageScope } from "../../domain/page-token.ts";
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
    const after = pageTokens.open(scope, request.pageToken)?.[0];
    const beforeSeq = after === undefined ? undefined : Number(after);
    const calls = await activity.calls({ ...filter, household, beforeSeq, limit: size + 1, signal: call.signal });
    const last = calls.length > size ? calls[size - 1] : undefined;
    return {
      calls: calls.slice(0, size).map(presentCall),
      nextPageToken: last === undefined ? "" : pageTokens.seal(scope, [last.seq]),
    };
  };
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
  };
}

function presentChange(change: RecordedChange): MessageInitShape<typeof ActivityChangeSchema> {
  const { content } = change;
  return {
    kind: kindOf(change),
    recordId: change.record,
    name: change.name,
    ...(content.kind === "entity"
      ? { entityType: entityTypes.toWire(content.type) }
      : { relationshipType: relationshipTypes.toWire(content.type), fromId: content.from, toId: content.to }),
    version: change.version,
    versionBefore: change.before?.version ?? "",
    cascaded: change.author === SERVER_USER,
  };
}

function kindOf({ before, deleted }: RecordedChange): DifferenceKind {
  if (deleted) return DifferenceKind.DELETED;
  return before === undefined || before.deleted ? DifferenceKind.CREATED : DifferenceKind.UPDATED;
}
