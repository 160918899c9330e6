import { contentHash, type RecordContent } from "@funkygibbon/kernel/content";
import { DomainError } from "@funkygibbon/kernel/errors";
import { parseJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import type { MergedContent, Resolution, StoredOutcome } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { acceptWithCascade } from "./cascade.ts";
import { type ConflictBook, UNDECIDED } from "./conflict-book.ts";
import { checkMergedStamps } from "./derive-stamps.ts";
import { judgeEdge } from "./edge-rules.ts";
import { refusedDraft } from "./refused-draft.ts";
import { type Head, ownStamp, type StoredVersion } from "./stored-version.ts";
import type { Appended, WorkingLog } from "./working-log.ts";

/** A divergence that was resolved against the head as it still is. */
export interface ResolvedDivergence {
  readonly log: WorkingLog;
  readonly book: ConflictBook;
  readonly head: Head;
  readonly local: Appended;
  readonly resolution: Resolution;
  readonly base: VersionId | undefined;
  /** The change's parents and everything they descend from. */
  readonly ancestors: () => ReadonlySet<VersionId>;
  /** Stores the edits of the same push below the change; they share its fate. */
  readonly storeHistory: (outcome: Exclude<StoredOutcome, "applied">) => void;
}

/** Commits what was decided, as far as the graph allows it; returns what became of the change. */
export function planResolution(resolved: ResolvedDivergence): Exclude<StoredOutcome, "applied"> {
  const { decision } = resolved.resolution;
  switch (decision.kind) {
    case "keep_head":
      return keepHead(resolved, resolved.resolution.conflict);
    case "pending":
      return wait(resolved);
    case "merged":
      return merge(resolved, decision.content);
  }
}

function keepHead(resolved: ResolvedDivergence, draft: Resolution["conflict"]): "superseded" {
  const { log, book, head, local, base, storeHistory } = resolved;
  storeHistory("superseded");
  log.preserve(local, "superseded");
  if (draft !== undefined && local.healer === undefined) book.record({ local, head, base, resolved: undefined }, draft);
  return "superseded";
}

function wait(resolved: ResolvedDivergence): "pending_review" {
  const { log, book, head, local, base, resolution, ancestors, storeHistory } = resolved;
  storeHistory("pending_review");
  log.preserve(local, "pending_review");
  const draft = { ...(resolution.conflict ?? UNDECIDED), strategy: "manual", decision: "open" } as const;
  book.wait({ local, head, base, resolved: undefined }, draft, ancestors());
  return "pending_review";
}

function merge(resolved: ResolvedDivergence, merged: MergedContent): Exclude<StoredOutcome, "applied"> {
  const { log, book, head, local, base, resolution, storeHistory } = resolved;
  const server = log.detail(head);
  const content = mergedContent(merged, (merged.ends === "local" ? local : server).content);
  // It does not fit into a record any more: too much for a rule, so a person decides.
  if (content === undefined) return wait(resolved);
  if (content.kind === "relationship" && !merged.deleted) {
    const verdict = judgeEdge(log, local.record, content);
    if (verdict.kind !== "allowed") {
      const known = base && log.version(local.record, base);
      return keepHead(resolved, refusedDraft({ local, server, base: known }, verdict));
    }
  }
  storeHistory("merged");
  const change = log.preserve(local, "merged");
  const parents = [server, change] as const;
  const accepted = acceptWithCascade(log, mergeVersion(log, parents, content, merged));
  book.closeOvertaken(accepted);
  if (resolution.conflict !== undefined && local.healer === undefined) {
    book.record({ local, head, base, resolved: accepted.head.version }, resolution.conflict);
  }
  return "merged";
}

/** The version with both sides as parents. Its author is the change's: the merge was made for that push. */
export function mergeVersion(
  log: WorkingLog,
  [server, local]: readonly [StoredVersion, StoredVersion],
  content: RecordContent,
  merged: MergedContent,
): Appended {
  const minted = log.mint("merge");
  const effectiveUs = Math.max(server.effectiveUs, local.effectiveUs);
  const own = ownStamp({ ...minted, effectiveUs });
  return {
    ...minted,
    record: local.record,
    parents: [server.version, local.version],
    content,
    bodyText: merged.bodyJson ?? null,
    source: local.source,
    deleted: merged.deleted,
    author: local.author,
    healer: undefined,
    stamps: checkMergedStamps(content, merged.stamps, own, [server, local]),
    claimedUs: log.committedUs,
    effectiveUs,
    contentHash: contentHash(content, log.context.sha256),
    bodyRemoved: false,
    origin: undefined,
  };
}

/** What a merge says, with type and ends of the side that lends them; undefined when it breaks a limit. */
export function mergedContent(
  merged: Pick<MergedContent, "bodyJson" | "deleted">,
  side: RecordContent,
): RecordContent | undefined {
  if (merged.deleted) return { ...side, body: null };
  try {
    return { ...side, body: parseJsonObject(merged.bodyJson ?? "", BODY_LIMITS, "merged.body_json").value };
  } catch (error) {
    if (error instanceof DomainError && error.kind === "invalid") return undefined;
    throw error;
  }
}
