import type { Rejection } from "@funkygibbon/kernel/record";
import type { ValidChange } from "./prepared-change.ts";

/** Whether two edits are equal as the protocol means it (section 2): kind, type, parents as a set, deleted, content. */
export function isSameEdit(
  a: Pick<ValidChange, "record" | "version" | "parents" | "deleted" | "contentHash">,
  b: Pick<ValidChange, "record" | "version" | "parents" | "deleted" | "contentHash">,
): boolean {
  if (a.record !== b.record || a.version !== b.version || a.deleted !== b.deleted) return false;
  // The hash covers kind, type, ends and body.
  if (a.contentHash !== b.contentHash || a.parents.length !== b.parents.length) return false;
  const parents = new Set(a.parents);
  return b.parents.every((parent) => parents.has(parent));
}

/** The sequence is taken by another edit. */
export const VERSION_REUSED: Rejection = {
  reason: "VERSION_REUSED",
  field: "version",
  message: "this sequence of the device names another edit",
};
