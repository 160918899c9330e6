import type { SourceFile } from "./import-format.ts";
import { type JsonPlace, readJson } from "./json-place.ts";
import { theOneFile } from "./pick-files.ts";

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

/** The name of the dump among the files of a format that takes a rooms file beside it. */
export function dumpName(files: readonly SourceFile[]): string {
  return (files.find((file) => !isRoomsFile(file)) ?? files[0])?.name ?? "";
}

/** The dump, and the rooms file if there is one. @throws DomainError `invalid` for another number of files, and as {@link parseRoomsFile}. */
export function dumpAndRooms(
  format: string,
  files: readonly SourceFile[],
): { readonly dump: SourceFile; readonly rooms: RoomsFile | undefined } {
  const roomsFile = files.find(isRoomsFile);
  const others = files.filter((file) => file !== roomsFile);
  return { dump: theOneFile(format, others), rooms: roomsFile === undefined ? undefined : parseRoomsFile(roomsFile) };
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
        name: room.at("name").text().trim(),
        accessories: room.at("accessories").optionalList().map(referenceAt),
      })),
  };
}

/**
 * The room of each thing by its id; missing: nobody says. What is named by its id goes before what is named by its name.
 * @throws DomainError when the file speaks of one that is not there, or of one in two rooms.
 */
export function assignRooms(things: readonly Placeable[], file: RoomsFile | undefined): ReadonlyMap<string, string> {
  const [byId, byName] = [new Map<string, string>(), new Map<string, string>()];
  for (const room of file?.rooms ?? []) {
    for (const { reference, place } of room.accessories) {
      const found = things.filter(({ id, name }) => id === reference || name.normalize("NFC") === reference);
      if (found.length === 0) throw place.fault(`names ${reference}, which is no id or name in the dump`);
      for (const { id } of found) {
        const assigned = id === reference ? byId : byName;
        const before = assigned.get(id) ?? room.name;
        if (before !== room.name) throw place.fault(`names ${reference}, which ${before} has already`);
        assigned.set(id, room.name);
      }
    }
  }
  return new Map([...byName, ...byId]);
}

/** A dump has services or attributes. */
function isRoomsFile({ text }: SourceFile): boolean {
  return /"rooms"\s*:/.test(text) && !/"(?:services|attributes|clusters)"\s*:/.test(text);
}

function referenceAt(place: JsonPlace): { reference: string; place: JsonPlace } {
  const { value } = place;
  if (typeof value === "string" || Number.isSafeInteger(value)) {
    return { reference: String(value).normalize("NFC").trim(), place };
  }
  throw place.fault("must be an id or a name");
}
