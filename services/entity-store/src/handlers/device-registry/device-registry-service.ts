import { DeviceRegistryService } from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { DeviceRegistry } from "../../domain/device-registry.ts";
import { acknowledge } from "./acknowledge.ts";
import { forgetDevice } from "./forget-device.ts";
import { listDevices } from "./list-devices.ts";
import { openSession } from "./open-session.ts";

/** What the store remembers of devices, for the service that talks to them. */
export function deviceRegistryService(registry: DeviceRegistry): BoundService {
  return implement(DeviceRegistryService, {
    access: "service",
    handlers: {
      openSession: openSession(registry),
      acknowledge: acknowledge(registry),
      listDevices: listDevices(registry),
      forgetDevice: forgetDevice(registry),
    },
  });
}
