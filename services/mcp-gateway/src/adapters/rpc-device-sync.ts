import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import type { DeviceSync } from "../domain/device-sync.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions } from "./call-options.ts";
import { timeFromWire } from "./graph-mapping.ts";

/** The household's devices over sync-coordinator's public service. Disposing closes the connection. */
export function connectDeviceSync(client: RpcClientOptions, actors: ActorMint): DeviceSync & AsyncDisposable {
  const sync = createRpcClient(SyncService, client);
  return {
    async listDevices(call) {
      const { devices } = await sync.listDevices({}, await callOptions(call, actors));
      return devices.map((device) => ({
        deviceId: device.deviceId,
        connected: device.connected,
        behind: Number(device.lag),
        lastSeen: timeFromWire(device.lastSeen),
        platform: device.platform,
      }));
    },

    async requestSync(call, { deviceId, reason }) {
      const { devicesAsked } = await sync.requestSync(
        { deviceId: deviceId ?? "", reason },
        await callOptions(call, actors),
      );
      return devicesAsked;
    },

    [Symbol.asyncDispose]: () => sync[Symbol.asyncDispose](),
  };
}
