import { jsonGet } from "@funkygibbon/kernel/json";
import { z } from "zod";
import { type ControlLink, controlsOf, type DeviceService } from "../../domain/device-controls.ts";
import { findEntity } from "../../domain/find-entity.ts";
import type { Entity } from "../../domain/graph.ts";
import { nameKey, pageOfList } from "../../domain/list-page.ts";
import { nameText } from "../../domain/name-text.ts";
import { countOfPage, describe, presentCursor, presentRef, presentRelated } from "../present.ts";
import { cursor, entityRef, limit, reference, related } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** How a device can be controlled. */
export const findDeviceControls = defineTool({
  name: "find_device_controls",
  title: "Find device controls",
  description:
    "How a device is controlled: its capabilities, its services with what they can set and read, and the switches, " +
    "automations and apps related to it or its parts. Control itself is not done here.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({ device: reference("Id or name of the device"), limit: limit(50, 200), cursor }),
  output: z.object({
    device: entityRef,
    capabilities: z.array(z.string()),
    services: z.array(entityRef.extend({ can_set: z.array(z.string()), can_read: z.array(z.string()) })),
    links: z.array(related.extend({ part: entityRef.describe("The device or its part") })),
    more: z.boolean().describe("More parts than are looked at"),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, call } = context;
    const types = ["device", "accessory"] as const;
    const device = await findEntity(graph, call, { text: input.device, field: "device", types });
    const { services, links, truncated } = await controlsOf(graph, call, device);
    const capabilities = capabilitiesOf(device);
    const page = pageOfList(links, {
      about: device.id,
      keyOf: (link) => linkKey(link, device),
      limit: input.limit,
      cursor: input.cursor,
    });
    return {
      text: [
        `${describe(device)}: ${words(capabilities) || "no known capabilities"}`,
        ...services.map(serviceLine),
        ...page.items.map((link) => linkLine(link, device)),
        ...(page.nextCursor === undefined ? [] : [`${countOfPage(page, "link")}`]),
        ...(truncated ? ["There is more; read the parts with get_entity_details."] : []),
      ].join("\n"),
      data: {
        device: presentRef(device),
        capabilities,
        services: services.map(({ entity, canSet, canRead }) => ({
          ...presentRef(entity),
          can_set: [...canSet],
          can_read: [...canRead],
        })),
        links: page.items.map((link) => ({ ...presentRelated(link), part: presentRef(link.part) })),
        more: truncated,
        ...presentCursor(page),
      },
    };
  },
});

function capabilitiesOf({ content }: Entity): string[] {
  const list = jsonGet(content, "capabilities");
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}

function serviceLine({ entity, canSet, canRead }: DeviceService): string {
  const sets = canSet.length === 0 ? "nothing to set" : `can set ${words(canSet)}`;
  return `- ${describe(entity)}: ${sets}${canRead.length === 0 ? "" : `; can read ${words(canRead)}`}`;
}

/** The device's own links first, then those of its parts by their names. */
function linkKey({ part, relation, entity, relationshipId }: ControlLink, device: Entity): string {
  const whose = part.id === device.id ? "0" : `1${nameKey(part.name, part.id)}`;
  return `${whose}\u0000${relation}\u0000${nameKey(entity.name, relationshipId)}`;
}

function linkLine({ relation, entity, part }: ControlLink, device: Entity): string {
  return `- ${part.id === device.id ? "" : `${nameText(part.name)} `}${relation} ${describe(entity)}`;
}

function words(list: readonly string[]): string {
  return list.map(nameText).join(", ");
}
