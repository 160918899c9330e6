import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ActivityService,
  type Activity as WireActivity,
  type ActivityChange as WireChange,
  type KeptRecord as WireKept,
} from "@funkygibbon/gen/funkygibbon/entity/v1/activity_service_pb";
import { DifferenceKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import type { RecordKind } from "@funkygibbon/kernel/entity-type";
import { must } from "@funkygibbon/kernel/must";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { enumMapping } from "@funkygibbon/wire/enum-mapping";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import { originFromWire } from "@funkygibbon/wire/origin";
import type { ActivityLog, CallChange, RecordedCall } from "../domain/activity-log.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions } from "./call-options.ts";
import { cursorFromWire, microsFromWire } from "./graph-mapping.ts";

const changes = enumMapping<CallChange["change"], DifferenceKind>({
  created: DifferenceKind.CREATED,
  updated: DifferenceKind.UPDATED,
  deleted: DifferenceKind.DELETED,
});

/** Who changed what over entity-store's public service. Disposing closes the connection. */
export function connectActivityLog(client: RpcClientOptions, actors: ActorMint): ActivityLog & AsyncDisposable {
  const activity = createRpcClient(ActivityService, client);
  return {
    async listCalls(call, filter) {
      const page = await activity.listActivity(
        {
          pageSize: filter.limit,
          pageToken: filter.cursor ?? "",
          callId: filter.callId ?? "",
          channel: filter.channel ?? "",
          author: filter.author ?? "",
          recordId: filter.recordId ?? "",
          ...(filter.since && { since: timestampFromDate(filter.since) }),
          ...(filter.until && { until: timestampFromDate(filter.until) }),
        },
        await callOptions(call, actors),
      );
      return {
        items: page.calls.map(callFromWire),
        nextCursor: cursorFromWire(page.nextPageToken),
        total: undefined,
      };
    },

    [Symbol.asyncDispose]: () => activity[Symbol.asyncDispose](),
  };
}

function callFromWire(wire: WireActivity): RecordedCall {
  return {
    origin: originFromWire(must(wire.origin, "a call came in through a door")),
    author: wire.author,
    committedUs: microsFromWire(must(wire.time, "a call wrote at some time")),
    changes: wire.changes.map(changeFromWire),
    changeCount: Number(wire.changeCount),
    kept: wire.kept && { conflictId: wire.kept.conflictId, ...recordFromWire(wire.kept) },
  };
}

function changeFromWire(wire: WireChange): CallChange {
  return {
    change: changes.mustFromWire(wire.kind),
    ...recordFromWire(wire),
    version: wire.version,
    versionBefore: wire.versionBefore === "" ? undefined : wire.versionBefore,
    cascaded: wire.cascaded,
  };
}

function recordFromWire(wire: WireChange | WireKept) {
  const entityType = entityTypes.fromWire(wire.entityType);
  const kind: RecordKind = entityType === undefined ? "relationship" : "entity";
  return {
    recordId: wire.recordId,
    kind,
    type: entityType ?? relationshipTypes.mustFromWire(wire.relationshipType),
    name: wire.name,
    ends: entityType === undefined ? { fromId: wire.fromId, toId: wire.toId } : undefined,
  };
}
