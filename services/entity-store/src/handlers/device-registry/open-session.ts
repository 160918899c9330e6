import type {
  OpenSessionRequestSchema,
  OpenSessionResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { isReservedDevice, parseDeviceId, parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import type { UnaryHandler } from "@funkygibbon/rpc/service";
import type { DeviceRegistry } from "../../domain/device-registry.ts";
import { presentDevice } from "./present-device.ts";

/** What a client says of itself is cut to this many characters. */
const MAX_CLIENT_TEXT = 128;

/** DeviceRegistryService.OpenSession. */
export function openSession(
  registry: DeviceRegistry,
): UnaryHandler<typeof OpenSessionRequestSchema, typeof OpenSessionResponseSchema> {
  return async (request) => {
    const device = parseDeviceId(request.deviceId);
    if (isReservedDevice(device)) throw invalid([{ field: "device_id", description: "is reserved for the server" }]);
    const opened = await registry.openSession({
      household: parseHouseholdId(request.householdId),
      device,
      user: parseUserId(request.userId),
      sessionKey: request.sessionKey,
      rotateKey: request.rotateKey,
      clientVersion: plainText(request.clientVersion),
      platform: plainText(request.platform),
    });
    return {
      sessionKey: opened.sessionKey.slice(),
      forked: opened.forked,
      device: presentDevice(opened.device),
    };
  };
}

/** PostgreSQL's text holds everything but NUL and broken characters. */
function plainText(text: string): string {
  return text.slice(0, MAX_CLIENT_TEXT).replaceAll("\u0000", "").toWellFormed();
}
