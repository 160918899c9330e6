import type { PushedChange } from "./pushed-change.ts";

// Sizes are in UTF-16 units: cheaper to count than bytes, of which each takes three at most. What has a bounded size is
// counted generously.

/** At most this much goes into one message to another service, which takes 16 MiB. */
export const MAX_MESSAGE_SIZE = 5 * 1024 * 1024;

/** What messages between services bear that has no bound of its own; only the shape of what is looked at. */
interface Stamped {
  readonly stamps: readonly { readonly keys: readonly string[] }[];
}
interface SizedVersion extends Stamped {
  readonly content: PushedChange["content"];
}
/** One key of a conflict. */
export interface SizedField {
  readonly field: string;
  readonly localJson?: string | undefined;
  readonly serverJson?: string | undefined;
  readonly baseJson?: string | undefined;
  readonly decidedJson?: string | undefined;
  readonly rule: string;
}

/** Ids, enums, times and lengths of one message. */
const FRAME = 400;
/** A stamp apart from its keys. */
const STAMP = 100;
/** Tags and lengths of one text. */
const TEXT = 6;

/** A change as it travels. */
export function sizeOfChange({
  content,
  parentVersions,
  changedKeys,
  heal,
}: {
  readonly content: PushedChange["content"];
  readonly parentVersions: readonly string[];
  readonly changedKeys: readonly string[];
  readonly heal?: Stamped | undefined;
}): number {
  return (
    FRAME + sizeOfBody(content) + sizeOfTexts(parentVersions) + sizeOfTexts(changedKeys) + sizeOfStamps(heal?.stamps)
  );
}

/** A divergence as it travels. */
export function sizeOfDivergence({
  local,
  server,
  base,
  policy,
}: {
  readonly local?: SizedVersion | undefined;
  readonly server?: SizedVersion | undefined;
  readonly base?: SizedVersion | undefined;
  readonly policy?: { readonly fieldRules: Readonly<Record<string, string>> } | undefined;
}): number {
  const rules = policy === undefined ? 0 : sizeOfTexts(Object.entries(policy.fieldRules).flat());
  return FRAME + sizeOfVersion(local) + sizeOfVersion(server) + sizeOfVersion(base) + rules;
}

/** A resolution as it travels. */
export function sizeOfResolution({
  decision,
  conflict,
}: {
  readonly decision:
    | { readonly case: "merged"; readonly value: Stamped & { readonly bodyJson: string } }
    | { readonly case: "keepHead" | "pending" | undefined };
  readonly conflict?: { readonly fields: readonly SizedField[] } | undefined;
}): number {
  const merged = decision.case === "merged" ? decision.value : undefined;
  return FRAME + (merged?.bodyJson.length ?? 0) + sizeOfStamps(merged?.stamps) + sizeOfFields(conflict?.fields);
}

/** The keys of a conflict as they travel. */
export function sizeOfFields(fields: readonly SizedField[] = []): number {
  let size = 0;
  for (const { field, localJson, serverJson, baseJson, decidedJson, rule } of fields) {
    size += sizeOfTexts([field, localJson, serverJson, baseJson, decidedJson, rule]);
  }
  return size;
}

function sizeOfVersion(version: SizedVersion | undefined): number {
  return version === undefined ? 0 : FRAME + sizeOfBody(version.content) + sizeOfStamps(version.stamps);
}

function sizeOfBody(content: PushedChange["content"]): number {
  switch (content.case) {
    case "entity":
      return content.value.bodyJson.length;
    case "relationship":
      return content.value.propertiesJson.length;
    case undefined:
      return 0;
  }
}

function sizeOfStamps(stamps: Stamped["stamps"] = []): number {
  return stamps.reduce((sum, { keys }) => sum + STAMP + sizeOfTexts(keys), 0);
}

function sizeOfTexts(texts: readonly (string | undefined)[]): number {
  return texts.reduce((sum, text) => sum + (text === undefined ? 0 : TEXT + text.length), 0);
}
