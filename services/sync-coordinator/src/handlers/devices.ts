import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  DeviceSchema,
  ForgetDeviceRequest,
  ListDevicesResponseSchema,
  RequestSyncRequest,
  RequestSyncResponseSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { permissionDenied } from "@funkygibbon/kernel/errors";
import type { DeviceId, HouseholdId } from "@funkygibbon/kernel/ids";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { CallContext } from "@funkygibbon/rpc/call";
import type { DevicePresence, DeviceRecord } from "../domain/ports.ts";
import { timestamp } from "./frames.ts";
import { requireAllowance } from "./opening.ts";
import { callerOf, type SyncParts } from "./sync-parts.ts";

/** A reason longer than this is cut. */
const MAX_REASON = 256;
const NO_DEVICE = parseDeviceId("api");

/** ListDevices: what the store remembers of devices, together with who is connected now. */
export async function listDevices(
  call: CallContext,
  parts: SyncParts,
): Promise<MessageInitShape<typeof ListDevicesResponseSchema>> {
  const { identity, credentials } = callerOf(call);
  const { household } = identity;
  await requireHouseholdAllowance(household, parts);
  const { position } = await parts.householdClocks.current(household, credentials);
  const [records, presence] = await Promise.all([parts.registry.list(household), present(household, parts)]);
  const presences = new Map(presence.map((entry) => [entry.device, entry]));
  const devices = records
    .filter(({ user }) => user !== undefined)
    .toSorted((a, b) => (a.device < b.device ? -1 : 1))
    .map((record) => deviceOnWire(record, presences.get(record.device), position));
  return { devices };
}

/** ForgetDevice: owners unbind a device; its session ends wherever it is. */
export async function forgetDevice(request: ForgetDeviceRequest, call: CallContext, parts: SyncParts): Promise<object> {
  const { identity } = callerOf(call);
  if (identity.role !== "owner") throw permissionDenied("only owners forget devices", "OWNERS_ONLY");
  const device = { household: identity.household, device: parseDeviceId(request.deviceId) };
  await requireHouseholdAllowance(identity.household, parts);
  await parts.registry.forget(device);
  await parts.bindings.forget(device);
  parts.announcements.forgotten(device);
  parts.sessions.get(device)?.forget();
  return {};
}

/** RequestSync: reaches the live streams of a household, on whichever replica they are. */
export async function requestSync(
  request: RequestSyncRequest,
  call: CallContext,
  parts: SyncParts,
): Promise<MessageInitShape<typeof RequestSyncResponseSchema>> {
  const { identity } = callerOf(call);
  const { household } = identity;
  const device = request.deviceId === "" ? undefined : parseDeviceId(request.deviceId);
  const reason = request.reason.slice(0, MAX_REASON);
  await requireHouseholdAllowance(household, parts);
  if (!parts.announcements.available) {
    // Nobody else can be told: those that are here, at least.
    const here = parts.sessions.of(household, device);
    for (const session of here) session.requestSync(reason);
    return { devicesAsked: here.length };
  }
  const connected = await connectedDevices(household, device, parts);
  if (connected > 0) parts.announcements.requestSync(household, device, reason);
  return { devicesAsked: connected };
}

/** Calls that come from no device share the budget of one, whose name no device may have. */
async function requireHouseholdAllowance(household: HouseholdId, { rateLimits }: SyncParts): Promise<void> {
  requireAllowance(await rateLimits.spend({ household, device: NO_DEVICE }, 0));
}

async function connectedDevices(
  household: HouseholdId,
  device: DeviceId | undefined,
  parts: SyncParts,
): Promise<number> {
  const presence = await present(household, parts);
  return presence.filter((entry) => entry.connected && (device === undefined || entry.device === device)).length;
}

/** While nobody knows, at least those that are connected here. */
async function present(household: HouseholdId, parts: SyncParts): Promise<readonly DevicePresence[]> {
  const known = await parts.presence.list(household);
  if (known !== undefined) return known;
  return parts.sessions
    .of(household, undefined)
    .map(({ ref }) => ({ device: ref.device, connected: true, sinceUs: undefined }));
}

function deviceOnWire(
  record: DeviceRecord,
  presence: DevicePresence | undefined,
  { epoch, headSeq }: LogPosition,
): MessageInitShape<typeof DeviceSchema> {
  const acknowledgedSeq = record.acknowledgedEpoch === epoch ? record.acknowledgedSeq : 0;
  const since = presence?.sinceUs;
  return {
    deviceId: record.device,
    userId: record.user ?? "",
    connected: presence?.connected ?? false,
    ...(since === undefined ? {} : { connectedSince: timestamp(since) }),
    ...(record.lastSeenUs === 0 ? {} : { lastSeen: timestamp(Math.max(record.lastSeenUs, since ?? 0)) }),
    lag: BigInt(Math.max(0, headSeq - acknowledgedSeq)),
    clientVersion: record.clientVersion,
    platform: record.platform,
  };
}
