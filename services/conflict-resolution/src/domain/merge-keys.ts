import type { FieldRule } from "@funkygibbon/kernel/conflict-policy";
import { canonicalJson, type JsonValue } from "@funkygibbon/kernel/json";
import { compareStamps, compareUtf8, newerStamp, type Stamp } from "@funkygibbon/kernel/stamp";
import type { Cell, KeyComparison } from "./compare-sides.ts";
import { applyFieldRule } from "./field-rules.ts";

/**
 * Why a key says what it says.
 * - `equal`: both sides say the same. `unchanged`: neither side touched it. `one-side`: only one did.
 * - the field rules: both did, and the rule decided.
 * - `accept-local`, `accept-server`, `manual`, `edited`: a strategy or a person decided for the whole record.
 * - `delete-wins`: one side deleted the record. `restore-wins`: the record was restored without the delete knowing.
 * - `cascade-yields`: the edge had gone with its entity, which is nobody's decision about the edge.
 * - `too-large`: the merge would exceed the size limit. `type-differs`: the sides are not of one type.
 */
export type DecisionRule =
  | FieldRule
  | "equal"
  | "unchanged"
  | "one-side"
  | "accept-local"
  | "accept-server"
  | "manual"
  | "edited"
  | "delete-wins"
  | "restore-wins"
  | "cascade-yields"
  | "too-large"
  | "type-differs";

/** One key, decided. */
export interface DecidedKey {
  readonly comparison: KeyComparison;
  /** Undefined: the key is not there. */
  readonly value: JsonValue | undefined;
  /** Undefined: no version ever touched it, so the edit that decides is its first. */
  readonly stamp: Stamp | undefined;
  readonly rule: DecisionRule;
  /** An edit of one side does not live on in the value. */
  readonly lost: boolean;
}

/** Decides every key by stamps and field rules (docs/protocol.md, section 5, rung 6). */
export function mergeKeys(
  comparisons: readonly KeyComparison[],
  ruleFor: (key: string) => FieldRule,
): readonly DecidedKey[] {
  return comparisons.map((comparison) =>
    mergeKey(comparison, comparison.place === "ends" ? LAST : ruleFor(comparison.key)),
  );
}

const LAST: FieldRule = "last-write-wins";

function mergeKey(comparison: KeyComparison, rule: FieldRule): DecidedKey {
  const { local, server, localChanged, serverChanged } = comparison;
  if (comparison.equal) {
    const untouched = !localChanged && !serverChanged;
    // One side alone may have a stamp older than the base's, by a clock that was behind; it is the edit that counts.
    const stamp = localChanged === serverChanged ? newer(local, server) : (localChanged ? local : server).stamp;
    return { comparison, value: server.value, stamp, rule: untouched ? "unchanged" : "equal", lost: false };
  }
  if (localChanged !== serverChanged) return cellWins(comparison, localChanged ? local : server, "one-side");
  const result = ruleResult(comparison, rule);
  if (result !== undefined) {
    return { comparison, value: result.value, stamp: newer(local, server), rule, lost: !result.lossless };
  }
  const winner = greater(local, server);
  const untouched = !localChanged && (comparison.base !== undefined || !serverChanged);
  return untouched ? cellWins(comparison, winner, "unchanged") : { ...cellWins(comparison, winner, LAST), lost: true };
}

function cellWins(comparison: KeyComparison, { value, stamp }: Cell, rule: DecisionRule): DecidedKey {
  return { comparison, value, stamp, rule, lost: false };
}

/** Without a known ancestor there is no rule but the greater stamp. */
function ruleResult({ local, server, base, baseValueKnown }: KeyComparison, rule: FieldRule) {
  if (base === undefined) return undefined;
  return applyFieldRule(rule, {
    local: local.value,
    server: server.value,
    base: base.value,
    baseKnown: baseValueKnown,
  });
}

/**
 * Decides every key for one side whole. A key decided by anything but last-write-wins carries the greater of both
 * stamps, so that no later merge undoes the decision with an edit that it has seen.
 */
export function takeSide(
  comparisons: readonly KeyComparison[],
  side: "local" | "server",
  rule: DecisionRule,
): readonly DecidedKey[] {
  return comparisons.map((comparison) => decideFor(comparison, comparison[side].value, rule));
}

/**
 * Decides every key as gone, with all that the side that is not deleted did since the base: a key that it removed is lost
 * too, for what it wanted to live on was the record without that key. The ends stay as the deleted side has them: a
 * tombstone names them still.
 */
export function takeNothing(
  comparisons: readonly KeyComparison[],
  deletedSide: "local" | "server",
  rule: DecisionRule,
): readonly DecidedKey[] {
  return comparisons.map((comparison) => {
    if (comparison.place === "ends") return decideFor(comparison, comparison[deletedSide].value, rule);
    const lost = deletedSide === "local" ? comparison.serverChanged : comparison.localChanged;
    return { ...decideFor(comparison, undefined, rule), lost };
  });
}

/** One key, decided as `value` by something else than stamps. Only what a side did since the base can be lost. */
export function decideFor(comparison: KeyComparison, value: JsonValue | undefined, rule: DecisionRule): DecidedKey {
  const { local, server, localChanged, serverChanged } = comparison;
  const lost = (localChanged && !same(local.value, value)) || (serverChanged && !same(server.value, value));
  return { comparison, value, stamp: newer(local, server), rule, lost };
}

function same(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b));
}

function newer(local: Cell, server: Cell): Stamp | undefined {
  if (local.stamp === undefined || server.stamp === undefined) return local.stamp ?? server.stamp;
  return newerStamp(local.stamp, server.stamp);
}

/** The cell with the greater stamp. One without any is older than all; equal ones are told apart by their values, so that the answer is the same whichever side is which. */
function greater(local: Cell, server: Cell): Cell {
  const order =
    local.stamp === undefined || server.stamp === undefined
      ? Number(local.stamp !== undefined) - Number(server.stamp !== undefined)
      : compareStamps(local.stamp, server.stamp);
  return (order || compareUtf8(textOf(local), textOf(server))) > 0 ? local : server;
}

function textOf({ value }: Cell): string {
  return value === undefined ? "" : canonicalJson(value);
}
