import type { KeyStamps as WireKeyStamps, Stamp as WireStamp } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type DomainError, invalid } from "@funkygibbon/kernel/errors";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { KeyStamps, Stamp } from "@funkygibbon/kernel/stamp";

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
  return {
    effectiveUs: count(stamp.effectiveUs, field, "effective_us"),
    device: deviceOf(stamp, field),
    sequence: count(stamp.sequence, field, "sequence"),
  };
}

function count(value: bigint, field: string, name: string): number {
  const number = Number(value);
  if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) return number;
  throw malformed(`${field}.${name}`, "is out of range");
}

function deviceOf({ deviceId }: WireStamp, field: string): Stamp["device"] {
  try {
    return parseDeviceId(deviceId);
  } catch {
    throw malformed(`${field}.device_id`, "is no device id");
  }
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
  return stamps.map(({ stamp, keys }, index) => ({ stamp: stampFromWire(stamp, `${field}[${index}].stamp`), keys }));
}
