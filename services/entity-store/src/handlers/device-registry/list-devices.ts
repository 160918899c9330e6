import type {
  ListDevicesRequestSchema,
  ListDevicesResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { UnaryHandler } from "@funkygibbon/rpc/service";
import type { DeviceRegistry } from "../../domain/device-registry.ts";
import { presentDevice } from "./present-device.ts";

/** DeviceRegistryService.ListDevices. */
export function listDevices(
  registry: DeviceRegistry,
): UnaryHandler<typeof ListDevicesRequestSchema, typeof ListDevicesResponseSchema> {
  return async (request) => ({
    devices: (await registry.list(parseHouseholdId(request.householdId))).map(presentDevice),
  });
}
