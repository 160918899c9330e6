import type {
  ConflictDecision,
  ConflictType,
  Divergence,
  MergedContent,
  Resolution,
  Strategy,
} from "@funkygibbon/kernel/record";
import { compareSides, type KeyComparison, type Sides } from "./compare-sides.ts";
import { conflictDraft } from "./conflict-draft.ts";
import { type DecidedKey, type DecisionRule, mergeKeys, takeNothing, takeSide } from "./merge-keys.ts";
import { exceedsBodyLimit, mergedContent, saysTheSame } from "./merged-content.ts";
import { ruleLookup, strategyFor } from "./policy.ts";
import { sideOf } from "./side.ts";

/** What a rung of the ladder came to: everything but the names of the versions. */
type Verdict = Pick<Resolution, "decision" | "conflict">;

/** A divergence, read: both sides, their ancestor, and every key compared. */
interface Case {
  readonly divergence: Divergence;
  readonly sides: Sides;
  readonly comparisons: readonly KeyComparison[];
}

/**
 * Climbs the ladder of docs/protocol.md, section 5, and stops at the first rung that answers. Pure: the same divergence
 * always gets the same answer. "local" is the device's side, "server" the head.
 *
 * Rung 2 (cycles and dead ends) is not here: only the commit sees the graph. It refuses such a resolution and commits
 * "the change loses" instead.
 */
export function resolveDivergence(divergence: Divergence): Resolution {
  return {
    record: divergence.local.record,
    localVersion: divergence.local.version,
    localTimes: divergence.localTimes,
    serverVersion: divergence.server.version,
    ...decide(read(divergence)),
  };
}

function read(divergence: Divergence): Case {
  const sides = {
    local: sideOf(divergence.local),
    server: sideOf(divergence.server),
    base: divergence.base === undefined ? undefined : sideOf(divergence.base),
  };
  return { divergence, sides, comparisons: compareSides(sides) };
}

function decide(given: Case): Verdict {
  return decideTypes(given) ?? decideEqual(given) ?? decideDelete(given) ?? decideByStrategy(given);
}

/** Two devices may choose one id for two things. The type of a record never changes, so no strategy can decide that. */
function decideTypes(given: Case): Verdict | undefined {
  const { local, server } = given.sides;
  const sameKind = local.content.kind === server.content.kind;
  if (sameKind && (local.content.kind === "relationship" || local.content.type === server.content.type))
    return undefined;
  return pending(given, "version_mismatch", "type-differs");
}

/** Rung 1. Nothing is lost, so there is no conflict; a merge is made only when it raises a stamp of the head. */
function decideEqual(given: Case): Verdict | undefined {
  const { local, server } = given.sides;
  if (local.deleted !== server.deleted) return undefined;
  if (!local.deleted && given.comparisons.some((comparison) => !comparison.equal)) return undefined;
  const decided = mergeKeys(given.comparisons, () => "last-write-wins");
  // A tombstone that went with its entity is nobody's decision and would go with the entity's return; a delete is one.
  if (given.divergence.serverCascade) {
    return { decision: { kind: "merged", content: mergedContent(decided, true) }, conflict: undefined };
  }
  return { decision: headOrMerge(given, decided, local.deleted), conflict: undefined };
}

/** Rung 3. */
function decideDelete(given: Case): Verdict | undefined {
  const { local, server, base } = given.sides;
  if (local.deleted === server.deleted) return undefined;
  if (local.deleted) {
    if (given.divergence.restored || base?.deleted === true) return pending(given, "delete_update", "restore-wins");
    return settle(given, { strategy: "merge", decision: "took_local", decided: gone(given), deleted: true });
  }
  if (given.divergence.serverCascade) return replaceCascade(given);
  if (base?.deleted === true) {
    // The device restored a record that it knew as deleted; the head is a delete that did not know of that.
    const decided = takeSide(given.comparisons, "local", "restore-wins");
    return settle(given, { strategy: "merge", decision: "took_local", decided, deleted: false });
  }
  return keepHead(given, "merge", gone(given));
}

function gone({ sides, comparisons }: Case): readonly DecidedKey[] {
  return takeNothing(comparisons, sides.local.deleted ? "local" : "server", "delete-wins");
}

/**
 * A tombstone that went with its entity is nobody's decision: the edit replaces it and keeps its own stamps, so that
 * other edits of the edge still meet it as if the tombstone had not been (protocol.md, 4 rule 6).
 */
function replaceCascade(given: Case): Verdict {
  const decided = given.comparisons.map((comparison): DecidedKey => {
    const { value, stamp } = comparison.local;
    return { comparison, value, stamp: stamp ?? comparison.server.stamp, rule: "cascade-yields", lost: false };
  });
  return { decision: headOrMerge(given, decided, false), conflict: undefined };
}

/** Rungs 4 to 6. */
function decideByStrategy(given: Case): Verdict {
  const { wish, policy } = given.divergence;
  const strategy = strategyFor(wish, policy);
  switch (strategy) {
    case "manual":
      // Where no key waits there is nothing for a person to decide: the merge loses nothing.
      return waitingKeys(given).length > 0 ? pending(given, contradictionOf(given), "manual") : mergeBoth(given);
    case "accept_server":
      return keepHead(given, strategy, takeSide(given.comparisons, "server", "accept-server"));
    case "accept_local": {
      const decided = takeSide(given.comparisons, "local", "accept-local");
      return settle(given, { strategy, decision: "took_local", decided, deleted: false });
    }
    case "merge":
      return mergeBoth(given);
  }
}

function mergeBoth(given: Case): Verdict {
  const decided = mergeKeys(given.comparisons, ruleLookup(given.divergence.policy));
  return settle(given, { strategy: "merge", decision: "merged", decided, deleted: false });
}

/** The head stays; the change becomes history. */
function keepHead(given: Case, strategy: Strategy, decided: readonly DecidedKey[]): Verdict {
  const draft = conflictDraft({ type: contradictionOf(given), strategy, decision: "kept_server", decided });
  return { decision: { kind: "keep_head" }, conflict: draft };
}

interface Outcome {
  readonly strategy: Strategy;
  readonly decision: ConflictDecision;
  readonly decided: readonly DecidedKey[];
  readonly deleted: boolean;
}

/** A version with both parents becomes head, or the head stays when it says all of that already. */
function settle(given: Case, outcome: Outcome): Verdict {
  const type = contradictionOf(given);
  const decision = headOrMerge(given, outcome.decided, outcome.deleted);
  if (decision.kind === "merged" && exceedsBodyLimit(decision.content)) return pending(given, type, "too-large");
  const came = decision.kind === "keep_head" ? "kept_server" : outcome.decision;
  return { decision, conflict: conflictDraft({ ...outcome, type, decision: came }) };
}

function headOrMerge(
  given: Case,
  decided: readonly DecidedKey[],
  deleted: boolean,
): { kind: "keep_head" } | { kind: "merged"; content: MergedContent } {
  if (saysTheSame(given.sides.server, decided, deleted)) return { kind: "keep_head" };
  return { kind: "merged", content: mergedContent(decided, deleted) };
}

/** The head stays, the change is preserved, and what it did since the base waits for a person. */
function pending(given: Case, type: ConflictType, rule: DecisionRule): Verdict {
  const decided = waitingKeys(given).map(
    (comparison): DecidedKey => ({ comparison, ...comparison.server, rule, lost: true }),
  );
  return {
    decision: { kind: "pending" },
    conflict: conflictDraft({ type, strategy: "manual", decision: "open", decided }),
  };
}

function waitingKeys({ comparisons }: Case): readonly KeyComparison[] {
  return comparisons.filter(({ localChanged, equal }) => localChanged && !equal);
}

/** In which way the sides contradict each other. */
function contradictionOf({ sides, comparisons }: Case): ConflictType {
  if (sides.local.deleted !== sides.server.deleted) return "delete_update";
  const sameKey = comparisons.some(({ localChanged, serverChanged, equal }) => localChanged && serverChanged && !equal);
  return sameKey ? "content_conflict" : "version_mismatch";
}
