import { type JsonObject, jsonGet } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Entity, Neighbour } from "./graph.ts";
import type { HomeGraph } from "./home-graph.ts";
import type { ToolCall } from "./tool-call.ts";

/** A function of a device, as an importer found it. */
export interface DeviceService {
  readonly entity: Entity;
  /** Names of characteristics, for example `brightness`. */
  readonly canSet: readonly string[];
  readonly canRead: readonly string[];
}

/** An edge of control between a device, or a part of it, and something else. */
export interface ControlLink extends Neighbour {
  /** The device or its part. */
  readonly part: Entity;
}

/** All ways to control a device. */
export interface DeviceControls {
  readonly services: readonly DeviceService[];
  /** As they read from the device: `controlled_by` a switch, `controls` a lamp. */
  readonly links: readonly ControlLink[];
  /** There are more. */
  readonly truncated: boolean;
}

const RELATIONS: readonly RelationshipType[] = ["controls", "automates", "triggered_by", "monitors", "manages"];
/** Devices have a few parts, bridges some more. */
const MAX_PARTS = 100;
const MAX_LINKS = 200;

/** What a device can do, and what controls it or is controlled by it, by way of its accessories and services too. */
export async function controlsOf(graph: HomeGraph, call: ToolCall, device: Entity): Promise<DeviceControls> {
  const parts = await graph.getDescendants(call, {
    id: device.id,
    types: ["device", "accessory", "service"],
    limit: MAX_PARTS,
  });
  const around = await Promise.all(
    [device, ...parts].map(async (part) => ({
      part,
      ...(await graph.getNeighbours(call, { id: part.id, relations: RELATIONS, limit: MAX_LINKS })),
    })),
  );
  return {
    services: parts
      .filter(({ type, content }) => type === "service" && jsonGet(content, "hidden") !== true)
      .map((entity) => ({ entity, canSet: characteristics(entity, "w"), canRead: characteristics(entity, "r") })),
    links: around.flatMap(({ part, items }) => items.map((neighbour) => ({ ...neighbour, part }))),
    truncated: parts.length === MAX_PARTS || around.some(({ nextCursor }) => nextCursor !== undefined),
  };
}

/** Content is anything that somebody wrote: what has not the importers' form says nothing. */
function characteristics({ content }: Entity, access: "r" | "w"): readonly string[] {
  const list = jsonGet(content, "characteristics");
  if (!Array.isArray(list)) return [];
  return list
    .filter((item): item is JsonObject => typeof item === "object" && item !== null && !Array.isArray(item))
    .flatMap((item) => {
      const [type, granted] = [jsonGet(item, "type"), jsonGet(item, "access")];
      return typeof type === "string" && typeof granted === "string" && granted.includes(access) ? [type] : [];
    });
}
