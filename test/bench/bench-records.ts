import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Change, ChangeSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { EntityType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import { formatVersion } from "@funkygibbon/kernel/version";

/** A device of a real home, as JSON of about 300 bytes. */
export function deviceBody(index: number): string {
  return JSON.stringify({
    name: `Lamp ${index} of the living room`,
    manufacturer: "Signify Netherlands B.V.",
    model: "LCA001 Hue color lamp A19",
    serial: randomUUID(),
    firmware: "1.104.2",
    capabilities: ["on_off", "brightness", "color", "color_temperature"],
    brightness: index % 100,
    is_reachable: true,
    note: "above the table, left of the window",
  });
}

/** Creates of this many devices, by one device from this sequence on. */
export function creates(count: number, device: string, firstSequence: number): Change[] {
  const id = parseDeviceId(device);
  return Array.from({ length: count }, (_, index) =>
    create(ChangeSchema, {
      recordId: randomUUID(),
      version: formatVersion(Date.now() * 1_000, id, firstSequence + index),
      content: {
        case: "entity",
        value: { type: EntityType.DEVICE, source: SourceType.HOMEKIT, bodyJson: deviceBody(firstSequence + index) },
      },
    }),
  );
}
