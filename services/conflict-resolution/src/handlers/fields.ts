import type { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { type FieldViolation, invalid } from "@funkygibbon/kernel/errors";
import { isUuid } from "@funkygibbon/kernel/ids";
import { parseJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import type { Strategy } from "@funkygibbon/kernel/record";
import { strategies } from "@funkygibbon/wire/outcomes";
import type { SettlementChoice } from "../domain/plan-settlement.ts";

/** The id of a conflict, in lower case. @throws DomainError `invalid` naming the field. */
export function parseConflictId(text: string, field = "id"): string {
  if (!isUuid(text)) throw invalid([{ field, description: "must be the UUID of a conflict" }]);
  return text.toLowerCase();
}

/** @throws DomainError `invalid` unless the strategy is one that a person can choose. */
export function parseChosenStrategy(wire: ResolutionStrategy, field = "strategy"): Exclude<Strategy, "manual"> {
  const strategy = strategies.fromWire(wire);
  if (strategy === undefined || strategy === "manual") {
    throw invalid([{ field, description: "must be ACCEPT_LOCAL, ACCEPT_SERVER or MERGE" }]);
  }
  return strategy;
}

/** A body of the person's own. @throws DomainError `invalid` with the reason of the JSON's fault. */
export function parseEditedBody(text: string): SettlementChoice {
  return { kind: "edited", body: parseJsonObject(text, BODY_LIMITS, "edited_body_json").value };
}

/** What is wrong with the etag that a person presents; none for one that may be right. */
export function etagViolations(etag: string, field = "etag"): readonly FieldViolation[] {
  return etag === "" ? [{ field, description: "must be the etag of the conflict as it was seen" }] : [];
}

/** A UUID of the caller's choice, or none. @throws DomainError `invalid`. */
export function parseRequestId(text: string): string {
  if (text !== "" && !isUuid(text)) throw invalid([{ field: "request_id", description: "must be a UUID" }]);
  return text.toLowerCase();
}
