import { create } from "@bufbuild/protobuf";
import {
  LogPositionSchema,
  type LogPosition as WireLogPosition,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { parseEpoch } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { LogPosition } from "@funkygibbon/kernel/record";

/** A log's position as it travels. */
export function positionToWire(position: LogPosition): WireLogPosition {
  return create(LogPositionSchema, {
    epoch: position.epoch,
    headSeq: BigInt(position.headSeq),
    digest: position.digest,
    committedUs: BigInt(position.committedUs),
  });
}

/** A log's position that our own services sent. */
export function positionFromWire(wire: WireLogPosition | undefined): LogPosition {
  const position = must(wire, "the store always says where the log stands");
  return {
    epoch: parseEpoch(position.epoch),
    headSeq: Number(position.headSeq),
    digest: position.digest,
    committedUs: Number(position.committedUs),
  };
}
