import { DomainError } from "@funkygibbon/kernel/errors";
import { MAX_RESOLUTION_ROUNDS } from "@funkygibbon/kernel/limits";
import { must } from "@funkygibbon/kernel/must";
import type { Origin } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { ConflictStore, OnBehalfOf, RepeatableRequest, SettledConflict } from "./conflict-store.ts";
import { planSettlement, type SettlementChoice } from "./plan-settlement.ts";

/** A conflict as a person saw it, and what they chose. */
export interface SettlementRequest {
  readonly id: string;
  readonly etag: string;
  readonly choice: SettlementChoice;
  /** Through which door the person came in; undefined: the API. */
  readonly origin: Origin | undefined;
  /** Undefined: not repeatable. */
  readonly request: RepeatableRequest | undefined;
  /** Check everything, store nothing. */
  readonly dryRun: boolean;
}

/**
 * Settles a conflict, or decides a settled one again. When only the head moved meanwhile, the choice is worked out
 * against the new head and tried again; when the conflict itself changed, the person has to look again. The store
 * compares the etag, not we: it must know a repeated request before it finds its etag outdated.
 * @throws DomainError `stale` with the current etag in the details; `failed-precondition`; `not-found`.
 */
export async function settleConflict(
  store: ConflictStore,
  request: SettlementRequest,
  caller: OnBehalfOf,
): Promise<SettledConflict> {
  let refusal: { readonly error: DomainError; readonly head: VersionId | undefined } | undefined;
  for (let round = 0; round < MAX_RESOLUTION_ROUNDS; round++) {
    const file = await store.get(request.id, caller);
    const headVersion = file.head?.version;
    if (refusal !== undefined && (file.conflict.etag !== request.etag || headVersion === refusal.head)) break;
    const { id, etag, origin, dryRun } = request;
    const { decision, content, fields } =
      file.conflict.etag === etag ? planSettlement(file, request.choice) : NOTHING_DECIDED;
    try {
      const settlement = { id, etag, headVersion, decision, content, fields, origin, request: request.request, dryRun };
      return await store.settle(settlement, caller);
    } catch (error) {
      if (!(error instanceof DomainError) || error.kind !== "stale") throw error;
      refusal = { error, head: headVersion };
    }
  }
  throw must(refusal, "only a refusal ends the rounds").error;
}

/** What goes with an outdated etag, of which the store says what it came to before, or that it is outdated; nothing else. */
const NOTHING_DECIDED = { decision: "kept_server", content: undefined, fields: [] } as const;
