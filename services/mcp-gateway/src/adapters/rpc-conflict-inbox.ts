import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictRow, FieldConflict } from "@funkygibbon/kernel/record";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { conflictFromWire } from "@funkygibbon/wire/conflict";
import { recordVersionFromWire } from "@funkygibbon/wire/record-version";
import type { Conflict, ConflictChoice, ConflictField, ConflictInbox } from "../domain/conflict-inbox.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions, receiptOf } from "./call-options.ts";
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

    async getConflict(call, id) {
      const { conflict } = await conflicts.getConflict({ id }, await callOptions(call, actors));
      return toConflict(conflictFromWire(must(conflict, "conflict-resolution answers with the conflict")));
    },

    async settleConflict(call, { id, etag, choice, dryRun }) {
      const { conflict, head } = await conflicts.settleConflict(
        { id, etag, decision: decisionOf(choice), ...receiptOf(call, dryRun) },
        await callOptions(call, actors),
      );
      return {
        conflict: toConflict(conflictFromWire(must(conflict, "conflict-resolution answers with the conflict"))),
        head: head && recordVersionFromWire(head),
      };
    },

    [Symbol.asyncDispose]: () => conflicts[Symbol.asyncDispose](),
  };
}

const STRATEGY_OF = {
  device: ResolutionStrategy.ACCEPT_LOCAL,
  server: ResolutionStrategy.ACCEPT_SERVER,
  merge: ResolutionStrategy.MERGE,
} as const;

function decisionOf(choice: ConflictChoice) {
  return choice.kind === "content"
    ? ({ case: "editedBodyJson", value: JSON.stringify(choice.content) } as const)
    : ({ case: "strategy", value: STRATEGY_OF[choice.kind] } as const);
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
