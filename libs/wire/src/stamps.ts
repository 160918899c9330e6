import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { KeyStampsSchema, type KeyStamps as WireKeyStamps } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";

/** Per-key stamps as they travel. */
export function stampsToWire(stamps: KeyStamps): WireKeyStamps[] {
  return stamps.map(({ stamp, keys }) => {
    const init: MessageInitShape<typeof KeyStampsSchema> = {
      stamp: {
        effectiveUs: BigInt(stamp.effectiveUs),
        deviceId: stamp.device,
        sequence: BigInt(stamp.sequence),
      },
      keys: [...keys],
    };
    return create(KeyStampsSchema, init);
  });
}

/** @throws DomainError `invalid` naming `field` when a stamp is missing or its device id is malformed. */
export function stampsFromWire(stamps: readonly WireKeyStamps[], field = "stamps"): KeyStamps {
  return stamps.map((group) => {
    const stamp = group.stamp;
    if (stamp === undefined) throw invalid([{ field, description: "every group of keys needs its stamp" }]);
    return {
      stamp: {
        effectiveUs: Number(stamp.effectiveUs),
        device: parseDeviceId(stamp.deviceId, field),
        sequence: Number(stamp.sequence),
      },
      keys: group.keys,
    };
  });
}
