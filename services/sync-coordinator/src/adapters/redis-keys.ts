import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { DeviceRef } from "../domain/ports.ts";

/** Keys of one household share a hash tag, so that a script may touch several of them on a cluster. */
function key(household: HouseholdId, ...parts: readonly string[]): string {
  return ["fg", `{${household}}`, ...parts].join(":");
}

/** Hash: the live vector clock. */
export function clockKey(household: HouseholdId): string {
  return key(household, "clock");
}

/** String: the position of a commit that found no live clock to raise; a clock rebuilt from before it would be behind. */
export function clockFloorKey(household: HouseholdId): string {
  return key(household, "clock-floor");
}

/** String: the session that holds the device. */
export function leaseKey({ household, device }: DeviceRef): string {
  return key(household, "lease", device);
}

/** String: the user that the device is bound to. */
export function bindingKey({ household, device }: DeviceRef): string {
  return key(household, "device", device);
}

/** Hash: device → who came or went, and when. */
export function presenceKey(household: HouseholdId): string {
  return key(household, "presence");
}

/** Counter of one budget in its present second. */
export function budgetKey(household: HouseholdId, budget: string): string {
  return key(household, "budget", budget);
}
