import { invalid } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictRow } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { RequestKey } from "./commit-job.ts";
import { known } from "./missing-fact.ts";
import type { StoredVersion } from "./stored-version.ts";
import type { WorkingLog } from "./working-log.ts";

/** How long the result of a request is remembered: 24 hours. */
export const REQUEST_RETENTION_US = 24 * 60 * 60 * 1_000_000;

/** What an API write came to: enough to give the same answer again. */
export interface RequestOutcome {
  readonly head: StoredVersion;
  readonly cascaded: readonly RecordId[];
}

interface StoredOutcome {
  readonly record: RecordId;
  readonly version: VersionId;
  readonly cascaded: readonly RecordId[];
}

/** The outcome as it is kept with the request's id: names, for the log has the contents. */
export function requestResult({ head, cascaded }: RequestOutcome): string {
  const stored: StoredOutcome = { record: head.record, version: head.version, cascaded };
  return JSON.stringify(stored);
}

/** What the same request came to before; undefined when it is new. @throws DomainError `invalid` when its id was used for another one. */
export function rememberedRequest(log: WorkingLog, key: RequestKey | undefined): RequestOutcome | undefined {
  const result = rememberedResult(log, key);
  if (result === undefined) return undefined;
  const { record, version, cascaded }: StoredOutcome = JSON.parse(result);
  return { head: must(log.version(record, version), "the log keeps every version"), cascaded };
}

/** What a settlement came to. */
export interface SettlementOutcome {
  readonly conflict: ConflictRow;
  /** Undefined when the record has none. */
  readonly head: StoredVersion | undefined;
}

interface StoredSettlement {
  /** As it was then: rows of conflicts change, and no log has their past. */
  readonly conflict: ConflictRow;
  readonly head?: VersionId;
}

/** The outcome as it is kept with the request's id. */
export function settlementResult({ conflict, head }: SettlementOutcome): string {
  const stored: StoredSettlement = { conflict, ...(head && { head: head.version }) };
  return JSON.stringify(stored);
}

/** What the same settlement came to before; undefined when it is new. @throws DomainError as {@link rememberedRequest}. */
export function rememberedSettlement(log: WorkingLog, key: RequestKey | undefined): SettlementOutcome | undefined {
  const result = rememberedResult(log, key);
  if (result === undefined) return undefined;
  const { conflict, head: version }: StoredSettlement = JSON.parse(result);
  const head = version && must(log.version(conflict.record, version), "the log keeps every version");
  return { conflict, head };
}

/** The text that was kept with the request's id; undefined when the request is new. */
function rememberedResult(log: WorkingLog, key: RequestKey | undefined): string | undefined {
  if (key === undefined) return undefined;
  const remembered = known(log.facts.requests.get(key.id), (needs) => needs.requests.add(key.id));
  if (remembered === null || log.committedUs - remembered.createdUs >= REQUEST_RETENTION_US) return undefined;
  if (remembered.fingerprint !== key.fingerprint) {
    throw invalid([{ field: "request_id", description: "was used for another request" }], "REQUEST_ID_REUSED");
  }
  return remembered.result;
}
