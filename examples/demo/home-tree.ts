import type { EntityView, GraphView } from "@funkygibbon/client/graph-view";
import type { Palette } from "./palette.ts";

/** Draws the home as a person would walk through it: rooms, and what stands in them. */
export function drawHome(graph: GraphView, palette: Palette): readonly string[] {
  const homes = graph.find({ type: "home" });
  return homes.flatMap((home) => {
    const rooms = graph.neighbours(home.id, { types: ["located_in"], direction: "in", entityTypes: ["room"] });
    const widest = Math.max(...graph.find({ type: "device" }).map(({ name }) => name.length), 0);
    const lines = rooms.flatMap(({ entity }, index) =>
      drawRoom(graph, entity, index === rooms.length - 1, widest, palette),
    );
    return [palette.bold(home.name), ...lines];
  });
}

function drawRoom(
  graph: GraphView,
  room: EntityView,
  last: boolean,
  widest: number,
  palette: Palette,
): readonly string[] {
  const devices = graph.devicesIn(room.id);
  const trunk = last ? "   " : "│  ";
  return [
    `${palette.dim(last ? "└─ " : "├─ ")}${palette.yellow(room.name)}`,
    ...devices.map((device, index) => {
      const branch = index === devices.length - 1 ? "└─ " : "├─ ";
      return `${palette.dim(trunk + branch)}${drawDevice(device, widest, palette)}`;
    }),
  ];
}

function drawDevice(device: EntityView, widest: number, palette: Palette): string {
  const { manufacturer, model, capabilities, category } = device.body;
  const maker = [manufacturer, model].filter((part) => typeof part === "string").join(" ");
  const abilities = Array.isArray(capabilities) && capabilities.length > 0 ? capabilities.join(", ") : category;
  const state = stateOf(device);
  const parts = [device.name.padEnd(widest), palette.dim(maker.padEnd(26)), palette.cyan(String(abilities ?? ""))];
  return [...parts, ...(state === "" ? [] : [palette.magenta(state)])].join("  ").trimEnd();
}

/** What somebody has set it to. */
function stateOf(device: EntityView): string {
  const { on, brightness, scene } = device.body;
  const parts: string[] = [];
  if (typeof on === "boolean") parts.push(on ? "on" : "off");
  if (typeof brightness === "number") parts.push(`${brightness} %`);
  if (typeof scene === "string") parts.push(`“${scene}”`);
  return parts.length === 0 ? "" : `← ${parts.join(", ")}`;
}
