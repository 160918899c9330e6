import type { FieldRule } from "@funkygibbon/kernel/conflict-policy";
import type { JsonValue } from "@funkygibbon/kernel/json";
import { mergeSets } from "./set-merge.ts";

/** The rules that apply without any policy; every other key goes by last-write-wins (docs/protocol.md, section 5). */
export const BUILT_IN_RULES: ReadonlyMap<string, FieldRule> = new Map([
  ["capabilities", "set-merge"],
  ["is_active", "true-if-either"],
  ["is_enabled", "true-if-either"],
  ["is_reachable", "true-if-either"],
  ["name", "longer"],
]);

/** Both values of one key, and the base's. */
export interface FieldValues {
  readonly local: JsonValue | undefined;
  readonly server: JsonValue | undefined;
  /** Undefined: the base does not have the key. */
  readonly base: JsonValue | undefined;
  /** False when retention has removed the base's body: rules that need it do not apply. */
  readonly baseKnown: boolean;
}

/** What a rule came to. */
export interface RuleResult {
  readonly value: JsonValue;
  /** Both edits live on in the value. */
  readonly lossless: boolean;
}

/** What the rule decides; undefined where it does not fit, so that the greater stamp decides. Symmetric in both sides. */
export function applyFieldRule(rule: FieldRule, values: FieldValues): RuleResult | undefined {
  switch (rule) {
    case "last-write-wins":
      return undefined;
    case "set-merge":
      return mergedSet(values);
    case "longer":
      return longerText(values);
    case "true-if-either":
      return trueIfEither(values);
  }
}

function mergedSet({ local, server, base, baseKnown }: FieldValues): RuleResult | undefined {
  if (!isList(local) || !isList(server) || !baseKnown) return undefined;
  return { value: mergeSets(local, server, isList(base) ? base : []), lossless: true };
}

function longerText({ local, server }: FieldValues): RuleResult | undefined {
  if (typeof local !== "string" || typeof server !== "string") return undefined;
  const difference = codePoints(local) - codePoints(server);
  if (difference === 0) return undefined;
  return { value: difference > 0 ? local : server, lossless: false };
}

function trueIfEither({ local, server, base, baseKnown }: FieldValues): RuleResult | undefined {
  if (typeof local !== "boolean" || typeof server !== "boolean" || !baseKnown || base !== undefined) return undefined;
  return { value: local || server, lossless: false };
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
