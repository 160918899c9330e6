import { malformed } from "./homekit-dump.ts";

/** Which accessories stand in which room. */
export interface RoomsFile {
  /** The name of the home; undefined: not told. */
  readonly home: string | undefined;
  readonly rooms: readonly {
    readonly name: string;
    /** The accessories of the room, by aid (digits) or by name. */
    readonly accessories: readonly string[];
  }[];
}

/**
 * Reads `{"home": "Maple Street 12", "rooms": [{"name": "Kitchen", "accessories": [3, "Kettle plug"]}]}`: accessories by
 * aid or by name.
 * @throws DomainError `invalid` naming the path at fault.
 */
export function parseRoomsFile(text: string): RoomsFile {
  let root: unknown;
  try {
    root = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw malformed("the rooms file", `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { home, rooms } = objectOf(root, "the rooms file");
  if (home !== undefined && typeof home !== "string") throw malformed("home", "must be a text");
  if (!Array.isArray(rooms)) throw malformed("rooms", "must be a list");
  return { home, rooms: rooms.map((room: unknown, index) => roomOf(room, `rooms[${index}]`)) };
}

function roomOf(item: unknown, path: string): RoomsFile["rooms"][number] {
  const { name, accessories = [] } = objectOf(item, path);
  if (typeof name !== "string" || name === "") throw malformed(`${path}.name`, "must be a text");
  if (!Array.isArray(accessories)) throw malformed(`${path}.accessories`, "must be a list");
  const references = accessories.map((reference: unknown, index) => {
    if (typeof reference === "string" || Number.isSafeInteger(reference)) return String(reference);
    throw malformed(`${path}.accessories[${index}]`, "must be an aid or a name");
  });
  return { name, accessories: references };
}

function objectOf(item: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof item === "object" && item !== null && !Array.isArray(item)) return item as Record<string, unknown>;
  throw malformed(path, "must be an object");
}
