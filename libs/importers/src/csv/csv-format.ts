import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonValue } from "@funkygibbon/kernel/json";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { ImportFormat, SourceFile } from "../import-format.ts";
import { malformed } from "../json-place.ts";
import { theOneFile } from "../pick-files.ts";
import { RecordBook } from "../record-book.ts";
import { type DeviceRow, parseDeviceTable } from "./device-table.ts";

/** Columns that say where a device stands and which it is, and not what it is. */
const NOT_PROPERTIES = new Set(["id", "room", "floor", "home"]);

/** A table of devices: one per line, in a room known by its name. */
export const csvFormat: ImportFormat = {
  name: "csv",
  summary: "table of devices: name, room, manufacturer, model, ...",
  recognizes: (files) => files.some(({ name }) => /\.(?:csv|tsv)$/i.test(name)),
  sourceName: ([file]) => file?.name ?? "",
  read(files, scope) {
    const file = theOneFile("csv", files);
    const rows = keyed(file, parseDeviceTable(file));
    const book = new RecordBook({ format: "csv", source: "imported" }, scope);
    const home = book.home(homeOf(file, rows));
    const floors = floorsOfRooms(rows);
    for (const { key, row } of rows) addDevice(book, { key, row, home, floors });
    return book.content();
  },
};

/** A row of the table, and what its device is known by. */
interface KeyedRow {
  readonly key: readonly string[];
  readonly row: DeviceRow;
}

/** Each row with what it is known by: its id, else its serial number, else its name. @throws DomainError naming the line. */
function keyed(file: SourceFile, rows: readonly DeviceRow[]): readonly KeyedRow[] {
  const lines = new Map<string, number>();
  return rows.map((row) => {
    const { cells, line } = row;
    if (!cells.has("name")) throw malformed(file.name, `line ${line}`, "has no name");
    const column = ["id", "serial_number", "name"].find((candidate) => cells.has(candidate)) ?? "name";
    const key = [column, cells.get(column) ?? ""];
    const first = lines.get(key.join("\u001f"));
    if (first !== undefined) {
      const hint = column === "name" ? "; a column id tells them apart" : "";
      throw malformed(file.name, `line ${line}`, `repeats the ${column} of line ${first}, ${key[1]}${hint}`);
    }
    lines.set(key.join("\u001f"), line);
    return { key, row };
  });
}

/** The one home that the rows name, if any. @throws DomainError naming the line that names another. */
function homeOf(file: SourceFile, rows: readonly KeyedRow[]): string | undefined {
  const named = rows.flatMap(({ row: { line, cells } }) => {
    const home = cells.get("home");
    return home === undefined ? [] : [{ line, home }];
  });
  const [first] = named;
  const other = named.find(({ home }) => home !== first?.home);
  if (first === undefined || other === undefined) return first?.home;
  const description = `names the home ${other.home}, and line ${first.line} ${first.home}: a household has one`;
  throw malformed(file.name, `line ${other.line}`, description);
}

/** On which floors there is a room of each name. */
function floorsOfRooms(rows: readonly KeyedRow[]): ReadonlyMap<string, ReadonlySet<string>> {
  const floors = new Map<string, Set<string>>();
  for (const { row } of rows) {
    const [room, floor] = [row.cells.get("room"), row.cells.get("floor")];
    if (room !== undefined && floor !== undefined) floors.set(room, (floors.get(room) ?? new Set()).add(floor));
  }
  return floors;
}

function addDevice(
  book: RecordBook,
  { key, row, home, floors }: KeyedRow & { readonly home: RecordId; readonly floors: ReturnType<typeof floorsOfRooms> },
): void {
  const { cells } = row;
  const properties = [...cells].filter(([column]) => !NOT_PROPERTIES.has(column));
  const device = book.entity("device", key, Object.fromEntries(properties.map(propertyOf)));
  const [room, floor] = [cells.get("room"), cells.get("floor")];
  const within = floor === undefined ? home : book.zone(floor, home);
  // Rooms are known by their names, and most houses have two bathrooms.
  const isOneOfSeveral = room !== undefined && floor !== undefined && (floors.get(room)?.size ?? 0) > 1;
  const name = isOneOfSeveral ? `${room}, ${floor}` : room;
  book.place(key, device, name === undefined ? undefined : book.room(name, within), home);
}

function propertyOf([column, cell]: readonly [string, string]): readonly [string, JsonValue] {
  if (column !== "capabilities") return [column, cell];
  const capabilities = cell.split(/[;,|]/).map((capability) => capability.trim());
  return [column, [...new Set(capabilities)].filter((capability) => capability !== "").sort(compareUtf8)];
}
