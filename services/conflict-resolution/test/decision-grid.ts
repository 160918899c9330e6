import { canonicalJson, type JsonObject } from "@funkygibbon/kernel/json";
import type { ConflictDraft, Divergence, Resolution, Strategy } from "@funkygibbon/kernel/record";
import { resolveDivergence } from "../src/domain/resolve-divergence.ts";
import type { TestEnds } from "./build-version.ts";
import { buildDivergence } from "./build-version.ts";
import { type Edit, HeadChain } from "./head-chain.ts";

/** What a record says; null for a tombstone. */
export interface Says {
  readonly body: JsonObject | null;
  readonly ends?: TestEnds;
}

/** The strategies in the order of a grid's columns. */
export const COLUMNS = ["merge", "accept_local", "accept_server", "manual"] as const satisfies readonly Strategy[];

/**
 * One line of a grid: what the device did, what had become of the head meanwhile, and a cell for each strategy. A cell
 * reads `outcome record | conflict keys`:
 * - the outcome of the device's change: MERGED, SUPERSEDED or PENDING_REVIEW (here MERGED, LOSES and WAITS);
 * - what the record says then: as the `device` has it, as the `head` has it, what `both` did, or it is `gone`;
 * - what is recorded, and on which keys: a `content` conflict (both set the same key), a `version` conflict (histories
 *   have parted, and no key says how), a `delete` conflict (one side deleted it). Nothing is recorded when nothing is lost.
 */
export type GridLine<Kind extends string> = readonly [
  device: Kind,
  head: Kind,
  ...cells: [string, string, string, string],
];

/** Both sides of a divergence whose base says `base`; the device's edit is the later one. */
export function diverge(
  base: Says,
  { device, head, type }: { device: Says; head: Says; type?: Edit["type"] },
): Divergence {
  const start = () => {
    const chain = new HeadChain();
    chain.push({ device: "panel", at: 0, parents: [], ...base, ...(type && { type }) });
    return chain;
  };
  const edited = (says: Says, by: string, at: number) => {
    const chain = start();
    chain.push({ device: by, at, parents: [chain.head.version], ...says, ...(type && { type }) });
    return chain.head;
  };
  return buildDivergence({
    local: edited(device, "phone-of-ada", 20),
    server: edited(head, "panel-of-ben", 10),
    base: start().head,
  });
}

/** The cell that a decision makes. */
export function cellOf(divergence: Divergence): string {
  const resolution = resolveDivergence(divergence);
  const { decision, conflict } = resolution;
  const outcome = { keep_head: "LOSES", merged: "MERGED", pending: "WAITS" }[decision.kind];
  const recorded =
    conflict === undefined ? "" : ` | ${typeOf(conflict)} ${conflict.fields.map(({ field }) => field).join(" ")}`;
  return `${outcome} ${recordAfter(divergence, resolution)}${recorded}`;
}

function typeOf({ type }: ConflictDraft): string {
  const words = { content_conflict: "content", version_mismatch: "version", delete_update: "delete" };
  return type === "cyclic_relationship" ? type : words[type];
}

function recordAfter({ local, server }: Divergence, { decision }: Resolution): "device" | "head" | "both" | "gone" {
  if (decision.kind !== "merged") return server.deleted ? "gone" : "head";
  const { deleted, ends, bodyJson } = decision.content;
  if (deleted) return "gone";
  const after = { ...(ends === "local" ? local : server).content, body: JSON.parse(bodyJson ?? "") };
  if (canonicalJson({ ...after }) === canonicalJson({ ...server.content })) return "head";
  return canonicalJson({ ...after }) === canonicalJson({ ...local.content }) ? "device" : "both";
}
