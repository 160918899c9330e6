import { type DeviceId, isReservedDevice } from "@funkygibbon/kernel/ids";
import type { Version } from "@funkygibbon/kernel/version";
import type { DeviceLine } from "../domain/household-lines.ts";

/** What the clocks of devices must be after the versions of a log: resends are looked for only up to them. */
export class ImportedClocks {
  readonly #newest = new Map<string, Version>();
  readonly #taken = new Set<string>();

  /** A version of the log. The server's own devices have no clocks. */
  note(version: Version): void {
    if (isReservedDevice(version.device)) return;
    const newest = this.#newest.get(version.device);
    if (newest === undefined || newest.sequence < version.sequence) this.#newest.set(version.device, version);
  }

  /** Whether the line of a device says what the log says. */
  agrees({ device, highestSequence, newestVersion }: DeviceLine): boolean {
    const newest = this.#newest.get(device);
    this.#taken.add(device);
    return highestSequence === (newest?.sequence ?? 0) && newestVersion === newest?.id;
  }

  /** A device of the log whose line has not come. */
  get missing(): DeviceId | undefined {
    return [...this.#newest.values()].find(({ device }) => !this.#taken.has(device))?.device;
  }
}
