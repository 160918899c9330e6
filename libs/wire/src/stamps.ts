import type { KeyStamps as WireKeyStamps, Stamp as WireStamp } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { invalid } from "@funkygibbon/kernel/errors";
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

/** @throws DomainError `invalid` naming `field` when the stamp is missing or its device id is malformed. */
export function stampFromWire(stamp: WireStamp | undefined, field: string): Stamp {
  if (stamp === undefined) throw invalid([{ field, description: "needs its stamp" }]);
  return {
    effectiveUs: Number(stamp.effectiveUs),
    device: parseDeviceId(stamp.deviceId, field),
    sequence: Number(stamp.sequence),
  };
}

/** Per-key stamps as they travel. */
export function stampsToWire(stamps: KeyStamps): WireKeyStamps[] {
  return stamps.map(({ stamp, keys }) => ({
    $typeName: "funkygibbon.entity.v1.KeyStamps",
    stamp: stampToWire(stamp),
    keys: [...keys],
  }));
}

/** @throws DomainError `invalid` naming `field` when a stamp is missing or its device id is malformed. */
export function stampsFromWire(stamps: readonly WireKeyStamps[], field = "stamps"): KeyStamps {
  return stamps.map(({ stamp, keys }) => ({ stamp: stampFromWire(stamp, field), keys }));
}
