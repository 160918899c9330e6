import type { CommitResult } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import {
  type Change,
  type ChangeOutcome,
  Outcome,
  type RecordVersion,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { positionFromWire } from "@funkygibbon/wire/log-position";
import type { LogPage } from "../domain/log-page.ts";
import { EncodedLogPage } from "./encoded-log-page.ts";

/** A commit as it was answered. */
export interface AnsweredCommit {
  /** With one outcome for each change. */
  readonly result: CommitResult;
  /** What was written, as a page of the log; undefined where the answer does not tell all of it. */
  readonly written: LogPage | undefined;
}

/**
 * What the store's answer to these changes says. Where all of them became heads it tells only what the log holds of each
 * besides its body; put together with the changes that is a page of the log, which then nobody has to read.
 */
export function answeredCommit(changes: readonly Change[], result: CommitResult): AnsweredCommit {
  if (result.applied.length === 0 || result.applied.length !== changes.length) return { result, written: undefined };
  const outcomes: ChangeOutcome[] = [];
  const versions: RecordVersion[] = [];
  for (const [index, change] of changes.entries()) {
    const version = result.applied[index];
    if (version === undefined) continue;
    putBodyBack(version, change);
    versions.push(version);
    outcomes.push({
      $typeName: "funkygibbon.entity.v1.ChangeOutcome",
      recordId: version.recordId,
      version: change.version,
      outcome: Outcome.APPLIED,
      headSeq: version.seq,
      duplicate: false,
    });
  }
  result.outcomes = outcomes;
  return { result, written: pageOf(result, versions) };
}

function pageOf(result: CommitResult, versions: readonly RecordVersion[]): LogPage {
  const position = positionFromWire(result.position);
  const origin = {
    epoch: position.epoch,
    afterSeq: Number(result.firstSeq) - 1,
    throughSeq: Number(result.lastSeq),
    position,
  };
  return EncodedLogPage.ofMessages(origin, versions);
}

/** The decoded answer is nobody else's, and copies of ten thousand messages would cost more than all the rest here. */
function putBodyBack({ content: stored }: RecordVersion, { content }: Change): void {
  if (stored.case === "entity" && content.case === "entity") stored.value.bodyJson = content.value.bodyJson;
  if (stored.case === "relationship" && content.case === "relationship") {
    stored.value.propertiesJson = content.value.propertiesJson;
  }
}
