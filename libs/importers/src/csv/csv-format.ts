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
    const home = book.home(rows.map(({ row }) => row.cells.get("home")).find((name) => name !== undefined));
    for (const { key, row } of rows) addDevice(book, key, row, home);
    return book.content();
  },
};

/** Each row with what it is known by: its id, else its serial number, else its name. @throws DomainError naming the line. */
function keyed(file: SourceFile, rows: readonly DeviceRow[]): readonly { key: readonly string[]; row: DeviceRow }[] {
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

function addDevice(book: RecordBook, key: readonly string[], { cells }: DeviceRow, home: RecordId): void {
  const properties = [...cells].filter(([column]) => !NOT_PROPERTIES.has(column));
  const device = book.entity("device", key, Object.fromEntries(properties.map(propertyOf)));
  const [room, floor] = [cells.get("room"), cells.get("floor")];
  const within = floor === undefined ? home : book.zone(floor, home);
  book.place(key, device, room === undefined ? undefined : book.room(room, within), home);
}

function propertyOf([column, cell]: readonly [string, string]): readonly [string, JsonValue] {
  if (column !== "capabilities") return [column, cell];
  const capabilities = cell.split(/[;,|]/).map((capability) => capability.trim());
  return [column, [...new Set(capabilities)].filter((capability) => capability !== "").sort(compareUtf8)];
}
