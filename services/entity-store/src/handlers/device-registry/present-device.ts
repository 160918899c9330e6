import { create } from "@bufbuild/protobuf";
import {
  DeviceRecordSchema,
  type DeviceRecord as WireDeviceRecord,
} from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import type { DeviceRecord } from "../../domain/device-registry.ts";

/** A device as it travels. */
export function presentDevice(record: DeviceRecord): WireDeviceRecord {
  return create(DeviceRecordSchema, {
    deviceId: record.device,
    userId: record.user ?? "",
    highestSequence: BigInt(record.highestSequence),
    newestVersion: record.newestVersion ?? "",
    acknowledgedSeq: BigInt(record.acknowledgedSeq),
    acknowledgedEpoch: record.acknowledgedEpoch ?? "",
    lastSeenUs: BigInt(record.lastSeenUs),
    clientVersion: record.clientVersion,
    platform: record.platform,
  });
}
