import type {
  DeviceRegistryService,
  DeviceRecord as WireDeviceRecord,
} from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { type Epoch, type HouseholdId, parseDeviceId, parseEpoch, parseUserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { RpcClient } from "@funkygibbon/rpc/client";
import type { DeviceRecord, DeviceRef, DeviceRegistry, RegisteredSession } from "../domain/ports.ts";

/** The devices behind entity-store's DeviceRegistryService. */
export class RpcDeviceRegistry implements DeviceRegistry {
  readonly #client: RpcClient<typeof DeviceRegistryService>;

  constructor(client: RpcClient<typeof DeviceRegistryService>) {
    this.#client = client;
  }

  async openSession(
    { household, device }: DeviceRef,
    options: Parameters<DeviceRegistry["openSession"]>[1],
  ): Promise<RegisteredSession> {
    const { sessionKey, forked, ...answer } = await this.#client.openSession({
      householdId: household,
      deviceId: device,
      userId: options.user,
      sessionKey: options.sessionKey,
      rotateKey: options.rotateKey,
      clientVersion: options.client.clientVersion,
      platform: options.client.platform,
    });
    return { sessionKey, forked, record: recordFromWire(must(answer.device, "an open session names its device")) };
  }

  async acknowledge({ household, device }: DeviceRef, seq: number, epoch: Epoch): Promise<void> {
    await this.#client.acknowledge({ householdId: household, deviceId: device, acknowledgedSeq: BigInt(seq), epoch });
  }

  async list(household: HouseholdId): Promise<readonly DeviceRecord[]> {
    const { devices } = await this.#client.listDevices({ householdId: household });
    return devices.map(recordFromWire);
  }

  async forget({ household, device }: DeviceRef): Promise<void> {
    await this.#client.forgetDevice({ householdId: household, deviceId: device });
  }
}

function recordFromWire(wire: WireDeviceRecord): DeviceRecord {
  return {
    device: parseDeviceId(wire.deviceId),
    user: wire.userId === "" ? undefined : parseUserId(wire.userId),
    highestSequence: Number(wire.highestSequence),
    acknowledgedSeq: Number(wire.acknowledgedSeq),
    acknowledgedEpoch: wire.acknowledgedEpoch === "" ? undefined : parseEpoch(wire.acknowledgedEpoch),
    lastSeenUs: Number(wire.lastSeenUs),
    clientVersion: wire.clientVersion,
    platform: wire.platform,
  };
}
