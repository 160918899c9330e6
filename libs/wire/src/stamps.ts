import type { KeyStamps as WireKeyStamps, Stamp as WireStamp } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type DomainError, invalid, seenFrom } from "@funkygibbon/kernel/errors";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { KeyStamp, KeyStamps, Stamp } from "@funkygibbon/kernel/stamp";

/** The stamp of an edit as it travels. */
export function stampToWire({ effectiveUs, device, sequence }: Stamp): WireStamp {
  return {
    $typeName: "funkygibbon.entity.v1.Stamp",
    effectiveUs: BigInt(effectiveUs),
    deviceId: device,
    sequence: BigInt(sequence),
  };
}

/** @throws DomainError `invalid`, reason MALFORMED_STAMP, naming what of the stamp at `field` is missing or out of range. */
export function stampFromWire(stamp: WireStamp | undefined, field: string): Stamp {
  if (stamp === undefined) throw malformed(field, "must be set");
  const effectiveUs = Number(stamp.effectiveUs);
  const sequence = Number(stamp.sequence);
  if (!isCount(effectiveUs)) throw malformed(`${field}.effective_us`, "is out of range");
  if (!isCount(sequence)) throw malformed(`${field}.sequence`, "is out of range");
  try {
    return { effectiveUs, device: parseDeviceId(stamp.deviceId), sequence };
  } catch {
    throw malformed(`${field}.device_id`, "is no device id");
  }
}

function isCount(number: number): boolean {
  return number >= 0 && number <= Number.MAX_SAFE_INTEGER;
}

function malformed(field: string, description: string): DomainError {
  return invalid([{ field, description }], "MALFORMED_STAMP");
}

/** Per-key stamps as they travel. */
export function stampsToWire(stamps: KeyStamps): WireKeyStamps[] {
  return stamps.map(({ stamp, keys }) => ({
    $typeName: "funkygibbon.entity.v1.KeyStamps",
    stamp: stampToWire(stamp),
    keys: [...keys],
  }));
}

/** @throws DomainError `invalid`, reason MALFORMED_STAMP, naming the stamp of the list at `field` that is at fault. */
export function stampsFromWire(stamps: readonly WireKeyStamps[], field = "stamps"): KeyStamps {
  const read: KeyStamp[] = [];
  try {
    for (const { stamp, keys } of stamps) read.push({ stamp: stampFromWire(stamp, "stamp"), keys });
  } catch (error) {
    throw seenFrom(`${field}[${read.length}]`, error);
  }
  return read;
}
