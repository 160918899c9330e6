import type { SourceFile } from "./import-format.ts";
import { type JsonPlace, readJson } from "./json-place.ts";

/** Which accessories stand in which room. */
export interface RoomsFile {
  /** The name of the home; undefined: not told. */
  readonly home: string | undefined;
  readonly rooms: readonly {
    readonly name: string;
    /** The accessories of the room, by id or by name, and where the file says so. */
    readonly accessories: readonly { readonly reference: string; readonly place: JsonPlace }[];
  }[];
}

/** Something that stands in a room. */
export interface Placeable {
  readonly id: string;
  readonly name: string;
}

/** Whether this is a rooms file beside a dump: a dump has services or attributes. */
export function isRoomsFile({ text }: SourceFile): boolean {
  return /"rooms"\s*:/.test(text) && !/"(?:services|attributes|clusters)"\s*:/.test(text);
}

/**
 * Reads `{"home": "Maple Street 12", "rooms": [{"name": "Kitchen", "accessories": [3, "Kettle plug"]}]}`: accessories by
 * id (the aid of HomeKit, the node of Matter) or by name.
 * @throws DomainError `invalid` naming the path at fault.
 */
export function parseRoomsFile(file: SourceFile): RoomsFile {
  const root = readJson(file);
  return {
    home: root.at("home").optionalText(),
    rooms: root
      .at("rooms")
      .list()
      .map((room) => ({
        name: room.at("name").text(),
        accessories: room.at("accessories").optionalList().map(referenceAt),
      })),
  };
}

/** The room of each thing by its id; missing: nobody says. @throws DomainError when the file speaks of one that is not there. */
export function assignRooms(things: readonly Placeable[], file: RoomsFile | undefined): ReadonlyMap<string, string> {
  const assigned = new Map<string, string>();
  for (const room of file?.rooms ?? []) {
    for (const { reference, place } of room.accessories) {
      const found = things.filter(({ id, name }) => id === reference || name === reference);
      if (found.length === 0) throw place.fault(`names ${reference}, which is no id or name in the dump`);
      for (const { id } of found) assigned.set(id, room.name);
    }
  }
  return assigned;
}

function referenceAt(place: JsonPlace): { reference: string; place: JsonPlace } {
  const { value } = place;
  if (typeof value === "string" || Number.isSafeInteger(value)) return { reference: String(value), place };
  throw place.fault("must be an id or a name");
}
