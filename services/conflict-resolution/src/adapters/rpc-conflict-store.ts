import {
  ConflictState,
  ConflictStoreService,
  type GetConflictResponse,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { must } from "@funkygibbon/kernel/must";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { conflictFromWire, fieldConflictToWire, policyFromWire, policyToWire } from "@funkygibbon/wire/conflict";
import { mergedContentToWire } from "@funkygibbon/wire/divergence";
import { originToWire } from "@funkygibbon/wire/origin";
import { conflictDecisions } from "@funkygibbon/wire/outcomes";
import { recordVersionFromWire } from "@funkygibbon/wire/record-version";
import type { ConflictFile, ConflictQuery, ConflictStore } from "../domain/conflict-store.ts";

const STATES: Readonly<Record<ConflictQuery["state"], ConflictState>> = {
  any: ConflictState.UNSPECIFIED,
  open: ConflictState.OPEN,
  settled: ConflictState.SETTLED,
};

/** The store of conflicts over entity-store's internal service. Disposing closes the connection. */
export function connectConflictStore(options: RpcClientOptions): ConflictStore & AsyncDisposable {
  const client = createRpcClient(ConflictStoreService, options);
  return {
    async list({ state, ...query }, caller) {
      const page = await client.listConflicts({ ...query, state: STATES[state] }, caller);
      return { conflicts: page.conflicts.map(conflictFromWire), nextPageToken: page.nextPageToken };
    },

    async get(id, caller) {
      return toFile(await client.getConflict({ id }, caller));
    },

    async settle({ id, etag, headVersion, decision, content, fields, origin, request, dryRun }, caller) {
      const settled = await client.settleConflict(
        {
          id,
          etag,
          headVersion: headVersion ?? "",
          decision: conflictDecisions.toWire(decision),
          ...(content && { content: mergedContentToWire(content) }),
          fields: fields.map(fieldConflictToWire),
          requestId: request?.id ?? "",
          requestFingerprint: request?.fingerprint ?? "",
          ...(origin && { origin: originToWire(origin) }),
          validateOnly: dryRun,
        },
        caller,
      );
      const conflict = must(settled.conflict, "the store answers with the conflict that it settled");
      return { conflict: conflictFromWire(conflict), head: toVersion(settled.head) };
    },

    async listPolicies(caller) {
      const { policies } = await client.listPolicies({}, caller);
      return policies.map(policyFromWire);
    },

    async setPolicy(policy, caller) {
      const set = await client.setPolicy({ policy: policyToWire(policy) }, caller);
      return policyFromWire(must(set.policy, "the store answers with the policy that it set"));
    },

    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

function toFile(wire: GetConflictResponse): ConflictFile {
  return {
    conflict: conflictFromWire(must(wire.conflict, "the store answers with the conflict that was asked for")),
    local: recordVersionFromWire(must(wire.local, "a conflict is about a version of a device")),
    server: toVersion(wire.server),
    base: toVersion(wire.base),
    head: toVersion(wire.head),
    policy: wire.policy && policyFromWire(wire.policy),
  };
}

function toVersion(wire: GetConflictResponse["head"]): RecordVersion | undefined {
  return wire && recordVersionFromWire(wire);
}
