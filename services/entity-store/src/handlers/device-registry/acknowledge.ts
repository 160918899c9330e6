import type {
  AcknowledgeRequestSchema,
  AcknowledgeResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseDeviceId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { UnaryHandler } from "@funkygibbon/rpc/service";
import type { DeviceRegistry } from "../../domain/device-registry.ts";

/** DeviceRegistryService.Acknowledge. */
export function acknowledge(
  registry: DeviceRegistry,
): UnaryHandler<typeof AcknowledgeRequestSchema, typeof AcknowledgeResponseSchema> {
  return async (request) => {
    const ref = { household: parseHouseholdId(request.householdId), device: parseDeviceId(request.deviceId) };
    const seq = Number(request.acknowledgedSeq);
    if (!Number.isSafeInteger(seq) || seq < 0) {
      throw invalid([{ field: "acknowledged_seq", description: "must be a seq of the log" }]);
    }
    await registry.acknowledge(ref, seq, parseEpoch(request.epoch));
    return {};
  };
}
