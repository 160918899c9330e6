import { contentHash, type RecordContent, requireNoReservedKey } from "@funkygibbon/kernel/content";
import type { SourceType } from "@funkygibbon/kernel/entity-type";
import { DomainError, failedPrecondition, invalid, notFound } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { canonicalJson, type JsonObject, jsonObject, parseJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import { assertNever } from "@funkygibbon/kernel/must";
import type { VersionId } from "@funkygibbon/kernel/version";
import { acceptWithCascade } from "./cascade.ts";
import type { CommitFacts } from "./commit-facts.ts";
import type { ApiAction, ApiResult, ApiWrite, BodyChange, ExpectedHead } from "./commit-job.ts";
import { type CommitPlan, writesOf } from "./commit-plan.ts";
import { ConflictBook } from "./conflict-book.ts";
import { deriveStamps } from "./derive-stamps.ts";
import { requireSameIdentity } from "./identity-fault.ts";
import { MissingFacts } from "./missing-fact.ts";
import { refuseUnlessAllowed } from "./refuse-edge.ts";
import { rememberedRequest, requestResult } from "./remembered-request.ts";
import { type Head, ownStamp, type StoredVersion } from "./stored-version.ts";
import { type Appended, type PlanContext, WorkingLog } from "./working-log.ts";

/**
 * Plans a write through the entity API (docs/protocol.md, 4 rule 8).
 * @throws DomainError when it may not be; see CommitLog.commit.
 */
export function planApiWrite(job: ApiWrite, facts: CommitFacts, context: PlanContext): CommitPlan<ApiWrite> {
  const missing = new MissingFacts();
  const ready = missing.attempt(() => plan(job, facts, context));
  return ready ?? { kind: "needs", needs: missing.needs };
}

function plan(job: ApiWrite, facts: CommitFacts, context: PlanContext): CommitPlan<ApiWrite> {
  const log = new WorkingLog(facts, context);
  const book = new ConflictBook(log);
  const remembered = rememberedRequest(log, job.request);
  if (remembered !== undefined) {
    const { head, cascaded } = remembered;
    const result: ApiResult = { kind: "api", head, cascaded, position: log.position, replayed: true };
    return { kind: "ready", result, writes: undefined };
  }
  const before = log.head(job.action.record);
  const edit = planAction(job.action, before, log, book);
  const parents = before === undefined ? [] : [log.detail(before)];
  const version = apiVersion(job, edit, parents, log);
  if (version.content.kind === "relationship" && !version.deleted) {
    refuseUnlessAllowed(log, version.record, version.content);
  }
  const accepted = acceptWithCascade(log, version);
  book.closeOvertaken(accepted);
  const { head, cascaded } = accepted;
  const edges = cascaded.map((edge) => edge.record);
  const result: ApiResult = {
    kind: "api",
    head: head.detail,
    cascaded: edges,
    position: log.position,
    replayed: false,
  };
  const request = job.request && { key: job.request, result: requestResult({ head: head.detail, cascaded: edges }) };
  return { kind: "ready", result, writes: job.dryRun ? undefined : writesOf(log, book, request) };
}

/** What the record shall say. */
interface Edit {
  readonly content: RecordContent;
  /** Undefined: canonical. */
  readonly bodyText: string | null | undefined;
  readonly source: SourceType;
}

function planAction(action: ApiAction, head: Head | undefined, log: WorkingLog, book: ConflictBook): Edit {
  switch (action.kind) {
    case "create":
      if (head !== undefined || log.lineage(action.record).stored.length > 0) throw alreadyExists(action.record);
      return { content: action.content, bodyText: undefined, source: action.source };
    case "update":
      return update(action, expectLive(head, action), log);
    case "delete": {
      const { content, source } = log.detail(expectLive(head, action));
      return { content: { ...content, body: null }, bodyText: null, source };
    }
    case "restore":
      return restore(action, expectKnown(head, action), log, book);
    default:
      return assertNever(action, "API action");
  }
}

type UpdateAction = Extract<ApiAction, { kind: "update" }>;

function update(action: UpdateAction, head: Head, log: WorkingLog): Edit {
  const { content, source } = log.detail(head);
  const body = changedBody(content.body ?? {}, action.body);
  const changed: RecordContent =
    content.kind === "relationship" ? { ...content, ...action.ends, body } : { ...content, body };
  return { content: changed, bodyText: undefined, source: action.source ?? source };
}

function changedBody(body: JsonObject, change: BodyChange): JsonObject {
  if (change.kind === "replace") return change.body;
  const removed = new Set(change.remove);
  const kept = Object.entries(body).filter(([key]) => !removed.has(key) && !Object.hasOwn(change.set, key));
  return jsonObject([...kept, ...Object.entries(change.set)]);
}

type RestoreAction = Extract<ApiAction, { kind: "restore" }>;

function restore(action: RestoreAction, head: Head, log: WorkingLog, book: ConflictBook): Edit {
  const chosen = versionToRestore(action, head, log, book);
  if (chosen.bodyRemoved) {
    throw failedPrecondition("BODY_REMOVED", "retention has removed the content of that version");
  }
  if (chosen.deleted) {
    throw invalid([{ field: "version", description: "is a deletion and says nothing that could be restored" }]);
  }
  requireSameIdentity(chosen.content, head, "version");
  return { content: chosen.content, bodyText: chosen.bodyText, source: chosen.source };
}

function versionToRestore(action: RestoreAction, head: Head, log: WorkingLog, book: ConflictBook): StoredVersion {
  if (action.version === undefined && !head.deleted) {
    throw failedPrecondition("NOT_DELETED", "the record is not deleted; name the version to restore");
  }
  const version = action.version ?? book.lineage(action.record).newestLive();
  const chosen = version === undefined ? undefined : log.version(action.record, version);
  if (chosen === undefined) throw notFound("version", version ?? "before the deletion");
  return chosen;
}

interface Expectation {
  readonly record: RecordId;
  readonly recordKind: Head["kind"];
  readonly expected: ExpectedHead;
}

/** A record that was deleted, or is of the other kind, is not there as far as the API is concerned. */
function expectLive(head: Head | undefined, action: Expectation): Head {
  if (head?.deleted === true) throw notFound(action.recordKind, action.record);
  return expectKnown(head, action);
}

function expectKnown(head: Head | undefined, action: Expectation): Head {
  if (head === undefined || head.kind !== action.recordKind) throw notFound(action.recordKind, action.record);
  if (action.expected !== "any" && action.expected !== head.version) throw staleHead(head.version);
  return head;
}

/** The caller saw another version than the one that is head; says which one is. */
export function staleHead(current: VersionId | undefined): DomainError {
  return new DomainError("stale", "the record has changed since it was read", {
    reason: "STALE_ETAG",
    details: { etag: current ?? "" },
  });
}

function alreadyExists(record: RecordId): DomainError {
  return new DomainError("already-exists", `record ${record} exists, or existed once`, {
    reason: "ALREADY_EXISTS",
    details: { id: record },
  });
}

function apiVersion(job: ApiWrite, edit: Edit, parents: readonly StoredVersion[], log: WorkingLog): Appended {
  const minted = log.mint(job.origin.channel);
  const effectiveUs = log.mintedUs(parents);
  const { content } = edit;
  return {
    ...minted,
    record: job.action.record,
    parents: parents.map((parent) => parent.version),
    content,
    bodyText: edit.bodyText === undefined ? checkedBody(content) : edit.bodyText,
    source: edit.source,
    deleted: content.body === null,
    author: job.user,
    healer: undefined,
    stamps: deriveStamps(content, ownStamp({ ...minted, effectiveUs }), parents),
    claimedUs: log.committedUs,
    effectiveUs,
    contentHash: contentHash(content, log.context.sha256),
    bodyRemoved: false,
    origin: job.origin,
  };
}

/** A patch can exceed the limits although neither side does. */
function checkedBody(content: RecordContent): string | null {
  if (content.body === null) return null;
  requireNoReservedKey(content, "properties_json");
  const text = canonicalJson(content.body);
  parseJsonObject(text, BODY_LIMITS, "body_json");
  return text;
}
