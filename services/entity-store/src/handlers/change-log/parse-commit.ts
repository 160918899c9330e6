import type { CommitStreamRequest } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import type { Sha256 } from "@funkygibbon/kernel/content";
import { failedPrecondition, invalid, permissionDenied } from "@funkygibbon/kernel/errors";
import { type Identity, mayWrite } from "@funkygibbon/kernel/identity";
import { isReservedDevice, parseDeviceId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { MAX_CHANGES_PER_PUSH } from "@funkygibbon/kernel/limits";
import { changeFromWire } from "@funkygibbon/wire/change";
import { resolutionFromWire } from "@funkygibbon/wire/divergence";
import type { DevicePush } from "../../domain/commit-job.ts";
import { prepareChange } from "../../domain/prepare-change.ts";

/**
 * A push from the wire. Faults of the request throw; faults inside one change become that change's rejection.
 * @throws DomainError `invalid`, `permission-denied`, or `failed-precondition` (HOUSEHOLD_CHANGED).
 */
export function parseCommit(request: CommitStreamRequest, actor: Identity, sha256: Sha256): DevicePush {
  const household = parseHouseholdId(request.householdId);
  if (household !== actor.household) {
    throw failedPrecondition("HOUSEHOLD_CHANGED", "the push is of another household than its actor");
  }
  if (!mayWrite(actor.role)) throw permissionDenied("guests may read and not write", "READ_ONLY_ROLE");
  const device = parseDeviceId(request.deviceId);
  if (isReservedDevice(device)) throw invalid([{ field: "device_id", description: "is reserved for the server" }]);
  if (actor.device !== undefined && actor.device !== device) {
    throw permissionDenied("the token is bound to another device", "DEVICE_MISMATCH");
  }
  if (request.changes.length > MAX_CHANGES_PER_PUSH) {
    throw invalid([{ field: "changes", description: `must be at most ${MAX_CHANGES_PER_PUSH}` }], "TOO_MANY_CHANGES");
  }
  const receivedUs = wholeNumber(request.receivedUs, "received_us");
  return {
    kind: "push",
    household,
    user: actor.user,
    epoch: parseEpoch(request.epoch),
    device,
    receivedUs,
    clockOffsetUs: wholeNumber(request.clockOffsetUs, "clock_offset_us"),
    notBeforeUs: wholeNumber(request.notBeforeUs, "not_before_us"),
    changes: request.changes.map((change) => prepareChange(changeFromWire(change), { device, sha256 })),
    resolutions: request.resolutions.map(resolutionFromWire),
  };
}

function wholeNumber(value: bigint, field: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw invalid([{ field, description: "is out of range" }]);
}
