import { ENTITY_TYPES, type EntityType } from "@funkygibbon/kernel/entity-type";
import { type FieldViolation, invalid } from "@funkygibbon/kernel/errors";
import type { ConflictPolicy, Strategy } from "@funkygibbon/kernel/record";
import { BUILT_IN_RULES, FIELD_RULES, type FieldRule, isFieldRule } from "./field-rules.ts";

/** At most this many field rules in one policy. */
export const MAX_FIELD_RULES = 200;
/** At most this many UTF-16 units in the name of a field. */
export const MAX_FIELD_NAME_LENGTH = 200;

/** The rule for a key: the policy's, else the built-in one, else last-write-wins. */
export function ruleLookup(policy: ConflictPolicy | undefined): (key: string) => FieldRule {
  return (key) => {
    const named = policy?.fieldRules.get(key);
    // A rule that a newer release stored and this one does not know counts as if it were not there.
    if (named !== undefined && isFieldRule(named)) return named;
    return BUILT_IN_RULES.get(key) ?? "last-write-wins";
  };
}

/** Rungs 4 and 5: a policy of MANUAL stands above the device's wish, any other below it; MERGE is the default. */
export function strategyFor(wish: Strategy | undefined, policy: ConflictPolicy | undefined): Strategy {
  if (policy?.strategy === "manual") return "manual";
  return wish ?? policy?.strategy ?? "merge";
}

/**
 * The policies as they apply, the default (without a type) first, then one for each entity type: a type's own policy,
 * else the household's default, else MERGE. Built-in field rules are filled in; nothing needs editing to be complete.
 */
export function effectivePolicies(stored: readonly ConflictPolicy[]): readonly ConflictPolicy[] {
  const byType = new Map(stored.map((policy) => [policy.entityType, policy]));
  const fallback = byType.get(undefined);
  const types: readonly (EntityType | undefined)[] = [undefined, ...ENTITY_TYPES];
  return types.map((entityType) => effectivePolicy(entityType, byType.get(entityType) ?? fallback));
}

/** A policy with everything filled in that it leaves to the defaults. */
export function effectivePolicy(
  entityType: EntityType | undefined,
  policy: ConflictPolicy | undefined,
): ConflictPolicy {
  return {
    entityType,
    strategy: policy?.strategy ?? "merge",
    fieldRules: new Map([...BUILT_IN_RULES, ...(policy?.fieldRules ?? [])]),
  };
}

/** @throws DomainError `invalid` naming every unknown rule and every impossible field name. */
export function checkPolicy(policy: ConflictPolicy): void {
  const violations = [...policy.fieldRules].flatMap(([name, rule]) => checkRule(name, rule));
  if (policy.fieldRules.size > MAX_FIELD_RULES) {
    violations.unshift({ field: "policy.field_rules", description: `must have at most ${MAX_FIELD_RULES} rules` });
  }
  if (violations.length > 0) throw invalid(violations, "INVALID_POLICY");
}

function checkRule(name: string, rule: string): FieldViolation[] {
  const field = `policy.field_rules[${JSON.stringify(name.slice(0, 40))}]`;
  const violations: FieldViolation[] = [];
  if (name === "") violations.push({ field, description: "a rule needs the name of a top-level key" });
  if (name.length > MAX_FIELD_NAME_LENGTH) {
    violations.push({ field, description: `the name must have at most ${MAX_FIELD_NAME_LENGTH} characters` });
  }
  if (!isFieldRule(rule)) {
    violations.push({ field, description: `unknown rule; must be one of ${FIELD_RULES.join(", ")}` });
  }
  return violations;
}
