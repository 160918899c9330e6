import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ReadLogRequestSchema,
  ReadLogResponseSchema,
  WrittenLogPageSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { MAX_PAGE_BYTES, MAX_PAGE_RECORDS } from "@funkygibbon/kernel/limits";
import type { UnaryHandler } from "@funkygibbon/rpc/service";
import { positionToWire } from "@funkygibbon/wire/log-position";
import type { ChangeLogApi } from "./change-log-api.ts";

/** ChangeLogService.ReadLog: one page of heads; the whole household's, whoever asks for it with a service credential. */
export function readLog(api: ChangeLogApi): UnaryHandler<typeof ReadLogRequestSchema, typeof ReadLogResponseSchema> {
  return async (request, call) => {
    const untilSeq = seq(request.untilSeq, "until_seq");
    const page = await api.reads.page(
      {
        household: parseHouseholdId(request.householdId),
        afterSeq: seq(request.afterSeq, "after_seq"),
        untilSeq: untilSeq === 0 ? undefined : untilSeq,
        limit: atMost(request.limit, MAX_PAGE_RECORDS),
        maxBytes: atMost(request.maxBytes, MAX_PAGE_BYTES),
        skipTombstonesToSeq: seq(request.skipTombstonesToSeq, "skip_tombstones_to_seq"),
      },
      call.signal,
    );
    const written = create(WrittenLogPageSchema, {
      versions: [...page.versions],
      throughSeq: BigInt(page.throughSeq),
      position: positionToWire(page.position),
    });
    // All versions at once: to serialise each by itself takes twice as long.
    return fromBinary(ReadLogResponseSchema, toBinary(WrittenLogPageSchema, written));
  };
}

function atMost(asked: number, maximum: number): number {
  return asked <= 0 ? maximum : Math.min(asked, maximum);
}

function seq(value: bigint, field: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw invalid([{ field, description: "must be a seq of the log, or 0" }]);
}
