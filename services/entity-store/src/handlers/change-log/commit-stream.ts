import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CommitResult,
  CommitResultSchema,
  type CommitStreamRequest,
  type CommitStreamRequestSchema,
  type CommitStreamResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { type ChangeOutcomeSchema, Outcome as WireOutcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import type { BidiHandler } from "@funkygibbon/rpc/service";
import { toDomainError, toGrpcStatus } from "@funkygibbon/rpc/status";
import { sha256 } from "@funkygibbon/runtime/sha256";
import { conflictToWire } from "@funkygibbon/wire/conflict";
import { divergenceToWire } from "@funkygibbon/wire/divergence";
import { positionToWire } from "@funkygibbon/wire/log-position";
import { outcomes } from "@funkygibbon/wire/outcomes";
import { versionToWire } from "@funkygibbon/wire/record-version";
import type { PushResult } from "../../domain/commit-job.ts";
import type { ChangeLogApi } from "./change-log-api.ts";
import { CommitLines } from "./commit-lines.ts";
import { parseCommit } from "./parse-commit.ts";

type Response = MessageInitShape<typeof CommitStreamResponseSchema>;

/** Requests that may be under way on one stream before it is read no further. */
const MAX_UNDER_WAY = 512;

/** ChangeLogService.CommitStream: pushes in, results out, matched by the caller's ids. */
export function commitStream(
  api: ChangeLogApi,
): BidiHandler<typeof CommitStreamRequestSchema, typeof CommitStreamResponseSchema> {
  return async (stream, call) => {
    const lines = new CommitLines();
    const underWay = new Set<Promise<void>>();
    // Ends when the caller ends it and when the server drains; what was begun is answered in both cases.
    for await (const request of stream) {
      const answered = lines
        .run(
          request.householdId,
          () => begin(request),
          (response) => stream.send(response),
        )
        .catch((error: unknown) => call.log.debug({ err: error }, "commit-stream.answer-not-sent"))
        .finally(() => underWay.delete(answered));
      underWay.add(answered);
      if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
    }
    await Promise.all(underWay);

    async function begin(request: CommitStreamRequest) {
      const { requestId } = request;
      const failure = (thrown: unknown): Response => {
        const error = toDomainError(thrown);
        if (error.kind === "internal") call.log.error({ err: error, household: request.householdId }, "commit.failed");
        return { requestId, result: { case: "error", value: fromBinary(StatusSchema, toGrpcStatus(error).details) } };
      };
      try {
        const actor = await api.verifyUser(request.actorToken);
        const committed = api.commits.commit(parseCommit(request, actor, sha256));
        return {
          finished: committed.then(
            (result): Response => ({ requestId, result: { case: "committed", value: resultToWire(result) } }),
            failure,
          ),
        };
      } catch (error) {
        return { finished: Promise.resolve(failure(error)) };
      }
    }
  };
}

function resultToWire(result: PushResult): CommitResult {
  return create(CommitResultSchema, {
    ...(result.applied === undefined
      ? { outcomes: result.outcomes.map(outcomeToWire) }
      : { applied: result.applied.map((version) => versionToWire(version, "")) }),
    divergences: result.divergences.map(divergenceToWire),
    conflicts: result.conflicts.map(conflictToWire),
    position: positionToWire(result.position),
    firstSeq: BigInt(result.firstSeq),
    lastSeq: BigInt(result.lastSeq),
    deviceVersion: result.deviceVersion ?? "",
    newestUs: BigInt(result.newestUs),
  });
}

function outcomeToWire(outcome: PushResult["outcomes"][number]): MessageInitShape<typeof ChangeOutcomeSchema> {
  if (outcome === undefined) return { outcome: WireOutcome.UNSPECIFIED };
  return {
    recordId: outcome.record,
    version: outcome.version,
    outcome: outcomes.toWire(outcome.outcome),
    headSeq: BigInt(outcome.headSeq),
    duplicate: outcome.duplicate,
    ...(outcome.rejection === undefined ? {} : { rejection: { ...outcome.rejection } }),
  };
}
