import { type FieldViolation, invalid } from "./errors.ts";
import type { ConflictPolicy } from "./record.ts";

/**
 * How a key that both sides changed to different values is decided. A household can name one for each key.
 * - `last-write-wins`: the greater stamp.
 * - `set-merge`: both are lists; what either side added is in, what either side removed is out, sorted.
 * - `longer`: both are texts; the one with more code points.
 * - `true-if-either`: both are booleans and the base does not have the key; true if either says so.
 * Where a rule does not fit the values, the greater stamp decides.
 */
export const FIELD_RULES = ["last-write-wins", "set-merge", "longer", "true-if-either"] as const;
export type FieldRule = (typeof FIELD_RULES)[number];

/** At most this many field rules in one policy. */
export const MAX_FIELD_RULES = 200;
/** At most this many UTF-16 units in the name of a field. */
export const MAX_FIELD_NAME_LENGTH = 200;

/** Whether `name` names a rule. */
export function isFieldRule(name: string): name is FieldRule {
  return FIELD_RULES.some((rule) => rule === name);
}

/**
 * Checks the field rules of a policy that somebody wants to set.
 * @throws DomainError `invalid`, reason INVALID_POLICY, naming every unknown rule and every impossible field name.
 */
export function checkPolicy(policy: Pick<ConflictPolicy, "fieldRules">): void {
  const { fieldRules } = policy;
  // Nobody wants to read of each of ten thousand.
  if (fieldRules.size > MAX_FIELD_RULES) {
    const description = `must have at most ${MAX_FIELD_RULES} rules`;
    throw invalid([{ field: "policy.field_rules", description }], "INVALID_POLICY");
  }
  const violations = [...fieldRules].flatMap(([name, rule]) => checkRule(name, rule));
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
