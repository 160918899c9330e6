import { contentHash, type RecordContent } from "@funkygibbon/kernel/content";
import { DomainError, invalid, notFound } from "@funkygibbon/kernel/errors";
import { assertNever, must } from "@funkygibbon/kernel/must";
import type { ConflictRow, SettledContent } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { acceptWithCascade } from "./cascade.ts";
import type { CommitFacts } from "./commit-facts.ts";
import type { Settlement, SettlementResult } from "./commit-job.ts";
import { type CommitPlan, writesOf } from "./commit-plan.ts";
import { ConflictBook } from "./conflict-book.ts";
import { settledStamps } from "./derive-stamps.ts";
import { requireSameIdentity } from "./identity-fault.ts";
import { known, MissingFacts } from "./missing-fact.ts";
import { staleHead } from "./plan-api-write.ts";
import { mergedContent } from "./plan-resolution.ts";
import { refuseUnlessAllowed } from "./refuse-edge.ts";
import { rememberedSettlement, settlementResult } from "./remembered-request.ts";
import { ownStamp, type StoredVersion } from "./stored-version.ts";
import { type Appended, type PlanContext, WorkingLog } from "./working-log.ts";

/**
 * Plans a person's decision on a conflict: a version with both sides as parents, if neither the conflict nor the head
 * has moved since the person looked. Settled conflicts can be decided again.
 * @throws DomainError when it may not be; see CommitLog.commit.
 */
export function planSettlement(job: Settlement, facts: CommitFacts, context: PlanContext): CommitPlan<Settlement> {
  const missing = new MissingFacts();
  const ready = missing.attempt(() => plan(job, facts, context));
  return ready ?? { kind: "needs", needs: missing.needs };
}

function plan(job: Settlement, facts: CommitFacts, context: PlanContext): CommitPlan<Settlement> {
  const log = new WorkingLog(facts, context);
  const book = new ConflictBook(log);
  const row = known(facts.conflicts.get(job.conflictId), (needs) => needs.conflicts.add(job.conflictId));
  if (row === null) throw notFound("conflict", job.conflictId);
  const before = log.head(row.record);
  const remembered = rememberedSettlement(log, job.request);
  if (remembered !== undefined) {
    const result: SettlementResult = { kind: "settlement", ...remembered, position: log.position, replayed: true };
    return { kind: "ready", result, writes: undefined };
  }
  if (row.etag !== job.etag) throw staleConflict(row);
  if (before?.version !== job.expectedHead) throw staleHead(before?.version);

  const head = job.content === undefined ? undefined : settle(log, book, job, row, job.content);
  const conflict = book.update(row, {
    decision: job.decision,
    resolvedVersion: head?.version,
    settledUs: log.committedUs,
    settledBy: job.user,
    ...(job.fields.length === 0 ? {} : { fields: job.fields }),
  });
  const now = head ?? (before === undefined ? undefined : log.detail(before));
  const request = job.request && { key: job.request, result: settlementResult({ conflict, head: now }) };
  const { position } = log;
  const decision = { conflict, seq: position.headSeq, author: job.user, origin: job.origin };
  const writes = must(writesOf(log, book, request), "a settlement changes the conflict");
  return {
    kind: "ready",
    result: { kind: "settlement", conflict, head: now, position, replayed: false },
    writes: job.dryRun ? undefined : head === undefined ? { ...writes, decision } : writes,
  };
}

function settle(
  log: WorkingLog,
  book: ConflictBook,
  job: Settlement,
  row: ConflictRow,
  merged: SettledContent,
): StoredVersion {
  const before = log.head(row.record);
  const server = before === undefined ? undefined : log.detail(before);
  const local = must(log.version(row.record, row.localVersion), "a conflict's own side is in the log");
  const content = mergedContent(
    merged,
    sideFor(merged, { local, server, found: () => foundVersion(log, row) }).content,
  );
  if (content === undefined) {
    throw invalid([{ field: "content.body_json", description: "is no JSON object, or exceeds the limits" }]);
  }
  if (before !== undefined) requireSameIdentity(content, before, "content");
  if (content.kind === "relationship" && !merged.deleted) refuseUnlessAllowed(log, row.record, content);
  const version = settledVersion(log, job, { server, local, content, merged });
  const accepted = acceptWithCascade(log, version);
  // This conflict is decided by the person; others of the record may be overtaken by what they decided.
  book.update(row, { decision: job.decision, settledUs: log.committedUs });
  book.closeOvertaken(accepted);
  return accepted.head.detail;
}

/** From which version the decision takes type and ends. Where there is no head, only the device's can lend them. */
function sideFor(
  { ends }: SettledContent,
  { local, server, found }: { local: StoredVersion; server: StoredVersion | undefined; found: () => StoredVersion },
): StoredVersion {
  switch (ends) {
    case "local":
      return local;
    case "server":
      return server ?? local;
    case "found":
      return found();
    default:
      return assertNever(ends, "whose ends");
  }
}

function foundVersion(log: WorkingLog, row: ConflictRow): StoredVersion {
  const version = row.serverVersion === undefined ? undefined : log.version(row.record, row.serverVersion);
  if (version !== undefined) return version;
  throw invalid([{ field: "content.ends", description: "there was no head when the conflict was found" }]);
}

interface Sides {
  readonly server: StoredVersion | undefined;
  readonly local: StoredVersion;
  readonly content: RecordContent;
  readonly merged: SettledContent;
}

function settledVersion(log: WorkingLog, job: Settlement, { server, local, content, merged }: Sides): Appended {
  const minted = log.mint("merge");
  const parents = server === undefined || server.version === local.version ? [local] : [server, local];
  const effectiveUs = log.mintedUs(parents);
  return {
    ...minted,
    record: local.record,
    parents: parents.map((parent): VersionId => parent.version),
    content,
    bodyText: merged.bodyJson ?? null,
    source: local.source,
    deleted: merged.deleted,
    author: job.user,
    healer: undefined,
    stamps: settledStamps(content, ownStamp({ ...minted, effectiveUs }), parents),
    claimedUs: log.committedUs,
    effectiveUs,
    contentHash: contentHash(content, log.context.sha256),
    bodyRemoved: false,
    origin: job.origin,
  };
}

function staleConflict(row: ConflictRow): DomainError {
  return new DomainError("stale", "the conflict has changed since it was read", {
    reason: "STALE_ETAG",
    details: { etag: row.etag },
  });
}
