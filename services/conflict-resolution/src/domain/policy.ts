import { type FieldRule, isFieldRule } from "@funkygibbon/kernel/conflict-policy";
import { ENTITY_TYPES, type EntityType } from "@funkygibbon/kernel/entity-type";
import type { ConflictPolicy, Strategy } from "@funkygibbon/kernel/record";
import { BUILT_IN_RULES } from "./field-rules.ts";

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
