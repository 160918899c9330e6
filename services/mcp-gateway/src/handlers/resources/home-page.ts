import type { EntityRef } from "../../domain/graph.ts";
import type { HomeOverview, RoomOverview } from "../../domain/home-overview.ts";
import { nameText } from "../../domain/name-text.ts";
import { count } from "../present.ts";
import { bestAddressOf } from "./address.ts";

/** The home as a page: how much there is of what, and every room with its devices. */
export function homePage({ homes, rooms, moreRooms, totals }: HomeOverview): string {
  const title = homes.length === 0 ? "The home" : homes.map(({ name }) => nameText(name)).join(", ");
  const numbers = [...totals].map(([type, total]) => plural(total, type)).join(", ");
  const sections = rooms.map(roomSection);
  const more = moreRooms ? ["There are more rooms; query_graph with find_rooms lists them all."] : [];
  return [`# ${title}`, numbers === "" ? "Nothing is known of this home yet." : numbers, ...sections, ...more].join(
    "\n\n",
  );
}

function roomSection({ room, devices, total }: RoomOverview): string {
  const more = total > devices.length ? [`- and ${total - devices.length} more`] : [];
  return [`## ${link(room)}`, ...devices.map((device) => `- ${link(device)}`), ...more].join("\n");
}

/** A name that leads to what it names. */
export function link(ref: EntityRef): string {
  return `[${nameText(ref.name).replaceAll(/[[\]\\]/g, "\\$&")}](${bestAddressOf(ref)})`;
}

function plural(total: number, type: string): string {
  return count(total, type, type === "accessory" ? "accessories" : `${type}s`);
}
