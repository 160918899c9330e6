import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Change, ChangeSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { EntityType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { SyncRequest, SyncResponse } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { CoordinatorWorld, DeviceOptions } from "./coordinator-world.ts";

/** A device without streams: it keeps what the last answer gave it. */
export interface PollingDevice {
  readonly household: string;
  readonly token: string;
  /** What goes with the next request. */
  readonly state: Pick<SyncRequest, "sessionId" | "nextSyncToken" | "householdId" | "epoch" | "vectorClock">;
  sync(request?: Partial<Omit<SyncRequest, "$typeName" | "$unknown">>): Promise<SyncResponse>;
}

/** A device of a household of its own, unless the claims name one. */
export async function pollingDevice(
  world: CoordinatorWorld,
  deviceId = "poller",
  claims: NonNullable<DeviceOptions["claims"]> = {},
): Promise<PollingDevice> {
  const household = claims.household ?? `home-${randomUUID()}`;
  const token = await world.token({ ...claims, household });
  const state = { sessionId: "", nextSyncToken: "", householdId: "", epoch: "", vectorClock: {} };
  return {
    ...{ household, token, state },
    async sync(request = {}) {
      const said = { protocolVersion: "inbetweenies-v1", deviceId, deviceTimeUs: BigInt(Date.now() * 1_000) };
      const answer = await world.coordinator.client.sync({ ...said, ...state, ...request }, { token });
      const { sessionId, nextSyncToken, householdId, epoch, vectorClock } = answer;
      Object.assign(state, { sessionId, nextSyncToken, householdId, epoch, vectorClock });
      return answer;
    },
  };
}

/** The first creates of a device. */
export function editsOf(device: string, count: number): Change[] {
  return Array.from({ length: count }, (_, index) =>
    create(ChangeSchema, {
      recordId: randomUUID(),
      version: `2026-11-22T09:41:02.581Z-${device}-${String(index + 1).padStart(6, "0")}`,
      content: { case: "entity", value: { type: EntityType.DEVICE, source: SourceType.MANUAL, bodyJson: "{}" } },
    }),
  );
}
