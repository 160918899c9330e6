import type {
  ForgetDeviceRequestSchema,
  ForgetDeviceResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { parseDeviceId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { UnaryHandler } from "@funkygibbon/rpc/service";
import type { DeviceRegistry } from "../../domain/device-registry.ts";

/** DeviceRegistryService.ForgetDevice. Who may do that is the caller's to decide: only services come here. */
export function forgetDevice(
  registry: DeviceRegistry,
): UnaryHandler<typeof ForgetDeviceRequestSchema, typeof ForgetDeviceResponseSchema> {
  return async (request) => {
    await registry.forget({
      household: parseHouseholdId(request.householdId),
      device: parseDeviceId(request.deviceId),
    });
    return {};
  };
}
