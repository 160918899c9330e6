import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import type { ConflictRow, FieldConflict } from "@funkygibbon/kernel/record";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { conflictFromWire } from "@funkygibbon/wire/conflict";
import type { Conflict, ConflictField, ConflictInbox } from "../domain/conflict-inbox.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions } from "./call-options.ts";
import { cursorFromWire, jsonFromWire } from "./graph-mapping.ts";

const STATES = {
  open: ConflictState.OPEN,
  settled: ConflictState.SETTLED,
  all: ConflictState.UNSPECIFIED,
} as const;

/** The inbox over conflict-resolution's public service. Disposing closes the connection. */
export function connectConflictInbox(client: RpcClientOptions, actors: ActorMint): ConflictInbox & AsyncDisposable {
  const conflicts = createRpcClient(ConflictService, client);
  return {
    async listConflicts(call, filter) {
      const page = await conflicts.listConflicts(
        {
          pageSize: filter.limit,
          pageToken: filter.cursor ?? "",
          state: STATES[filter.state],
          recordId: filter.recordId ?? "",
        },
        await callOptions(call, actors),
      );
      return {
        items: page.conflicts.map((wire) => toConflict(conflictFromWire(wire))),
        nextCursor: cursorFromWire(page.nextPageToken),
        total: undefined,
      };
    },

    [Symbol.asyncDispose]: () => conflicts[Symbol.asyncDispose](),
  };
}

function toConflict(row: ConflictRow): Conflict {
  return {
    id: row.id,
    recordId: row.record,
    recordKind: row.recordKind,
    type: row.type,
    decision: row.decision,
    strategy: row.strategy,
    fields: row.fields.map(toField),
    deviceAuthor: row.localAuthor,
    serverAuthor: row.serverAuthor ?? "",
    openedAt: new Date(row.openedUs / MICROS_PER_MS).toISOString(),
    etag: row.etag,
  };
}

function toField(field: FieldConflict): ConflictField {
  const value = (json: string | undefined) => (json === undefined ? undefined : jsonFromWire(json));
  return {
    field: field.field,
    rule: field.rule,
    device: value(field.localJson),
    server: value(field.serverJson),
    base: value(field.baseJson),
    decided: value(field.decidedJson),
  };
}
