import type { RelationshipContent } from "@funkygibbon/kernel/content";
import { failedPrecondition } from "@funkygibbon/kernel/errors";
import { ACYCLIC_TYPES } from "@funkygibbon/kernel/relationship-type";
import { type CommitFacts, type FactNeeds, fateKey, needHead, noNeeds, sequenceKey, wayKey } from "./commit-facts.ts";
import type { ApiWrite, CommitJob, DevicePush, Settlement } from "./commit-job.ts";
import type { CommitPlan } from "./commit-plan.ts";
import { planApiWrite } from "./plan-api-write.ts";
import { planPush } from "./plan-push.ts";
import { planSettlement } from "./plan-settlement.ts";
import type { PlanContext } from "./working-log.ts";

/**
 * Decides what a job becomes, from what the log says under the household's lock. Pure: the same job, facts and context
 * always give the same plan. All rules of the commit are behind this function; SQL has none.
 * @throws DomainError when the whole job is refused; nothing is written then.
 */
export function planCommit(job: CommitJob, facts: CommitFacts, context: PlanContext): CommitPlan {
  switch (job.kind) {
    case "push":
      requireEpoch(job, facts);
      return planPush(job, facts, context);
    case "api":
      return planApiWrite(job, facts, context);
    case "settlement":
      return planSettlement(job, facts, context);
  }
}

function requireEpoch(job: DevicePush, facts: CommitFacts): void {
  const { epoch } = facts.position;
  if (job.epoch === epoch) return;
  throw failedPrecondition("EPOCH_CHANGED", "the household's log has begun a new epoch", { epoch });
}

/** What the first reading brings: enough for everything that is common. */
export function initialNeeds(job: CommitJob): FactNeeds {
  switch (job.kind) {
    case "push":
      return pushNeeds(job);
    case "api":
      return apiNeeds(job);
    case "settlement":
      return settlementNeeds(job);
  }
}

function pushNeeds(job: DevicePush): FactNeeds {
  const needs = noNeeds();
  needs.clocks.add(job.device);
  for (const prepared of job.changes) {
    if (prepared.kind === "rejected") continue;
    const { change } = prepared;
    needs.sequences.set(sequenceKey(change), { device: change.device, sequence: change.sequence });
    needHead(needs, change.record, change.parents.length > 0 || change.heal !== undefined);
    for (const { stamp } of change.heal?.stamps ?? []) {
      needs.sequences.set(sequenceKey(stamp), { device: stamp.device, sequence: stamp.sequence });
    }
    if (change.content.kind === "relationship") {
      if (!change.deleted) needEnds(needs, change.content);
    } else if (change.deleted) {
      needs.edges.set(fateKey({ entity: change.record, fate: "dies" }), { entity: change.record, fate: "dies" });
    }
  }
  return needs;
}

function apiNeeds({ action, request }: ApiWrite): FactNeeds {
  const needs = noNeeds();
  needHead(needs, action.record, true);
  if (request !== undefined) needs.requests.add(request.id);
  if (action.kind === "create") {
    needs.lineages.add(action.record);
    if (action.content.kind === "relationship") needEnds(needs, action.content);
  }
  if (action.kind === "delete" && action.recordKind === "entity") {
    needs.edges.set(fateKey({ entity: action.record, fate: "dies" }), { entity: action.record, fate: "dies" });
  }
  return needs;
}

function settlementNeeds({ conflictId, request }: Settlement): FactNeeds {
  const needs = noNeeds();
  needs.conflicts.add(conflictId);
  if (request !== undefined) needs.requests.add(request.id);
  return needs;
}

function needEnds(needs: FactNeeds, edge: RelationshipContent): void {
  needHead(needs, edge.from, false);
  needHead(needs, edge.to, false);
  if (!ACYCLIC_TYPES.has(edge.type)) return;
  const start = { type: edge.type, node: edge.to };
  needs.ways.set(wayKey(start), start);
}
