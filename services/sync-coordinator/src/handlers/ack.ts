import type { AckRequest } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import type { CallContext } from "@funkygibbon/rpc/call";
import { requireDevice, requireEpoch, requireHousehold } from "../domain/push-rules.ts";
import { requireBinding, requireSessionId, UNKNOWN_CLIENT } from "./device-binding.ts";
import { requireAllowance, supersededError } from "./opening.ts";
import { callerOf, type SyncParts } from "./sync-parts.ts";

/** Ack: what a subscriber has stored becomes durable, and its lease is renewed. Gives no credit. */
export async function ack(request: AckRequest, call: CallContext, parts: SyncParts): Promise<object> {
  const caller = callerOf(call);
  const { household } = caller.identity;
  const device = { household, device: requireDevice(request.deviceId, caller.identity) };
  requireSessionId(request.sessionId, parts.clock.now() / 1_000);
  const cursor = parts.cursors.decode(request.cursor);
  if (cursor === undefined) throw invalid([{ field: "cursor", description: "must be one that the server gave" }]);
  requireHousehold(cursor.household, household);

  requireAllowance(await parts.rateLimits.spend(device, 0));
  const { position } = await parts.householdClocks.current(household, caller.credentials);
  requireEpoch(cursor.epoch, position.epoch);
  await requireBinding(device, caller, UNKNOWN_CLIENT, parts);
  const held = await parts.leases.renew({ ...device, session: request.sessionId.toLowerCase() });
  if (!held) throw supersededError();
  await parts.registry.acknowledge(device, cursor.seq, cursor.epoch);
  return {};
}
