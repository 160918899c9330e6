import { canonicalJson, type JsonValue } from "@funkygibbon/kernel/json";
import type {
  ConflictDecision,
  ConflictDraft,
  ConflictType,
  FieldConflict,
  Strategy,
} from "@funkygibbon/kernel/record";
import type { DecidedKey } from "./merge-keys.ts";

/** What {@link conflictDraft} is made of. */
export interface DraftParts {
  readonly type: ConflictType;
  readonly strategy: Strategy;
  readonly decision: ConflictDecision;
  readonly decided: readonly DecidedKey[];
}

/** What to record of a divergence: undefined when nothing was lost and nobody has to decide anything. */
export function conflictDraft({ type, strategy, decision, decided }: DraftParts): ConflictDraft | undefined {
  const open = decision === "open";
  const fields = decided.filter(({ lost }) => lost).map((key) => fieldConflict(key, open));
  if (fields.length === 0 && !open) return undefined;
  return { type, strategy, decision, fields };
}

/** One key in three columns and what became of it; without a decided value while nobody has decided. */
export function fieldConflict({ comparison, value, rule }: DecidedKey, open: boolean): FieldConflict {
  return {
    field: comparison.key,
    localJson: textOf(comparison.local.value),
    serverJson: textOf(comparison.server.value),
    baseJson: comparison.baseValueKnown ? textOf(comparison.base?.value) : undefined,
    decidedJson: open ? undefined : textOf(value),
    rule,
  };
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}
