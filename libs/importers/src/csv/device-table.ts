import { IMPORT_MEMORY_KEY } from "@funkygibbon/kernel/content";
// This build brings what browsers lack; Node takes it as well.
import { CsvError, parse } from "csv-parse/browser/esm/sync";
import type { SourceFile } from "../import-format.ts";
import { malformed } from "../json-place.ts";

/** One row of a table of devices. */
export interface DeviceRow {
  /** The row's first line in the file, from 1. */
  readonly line: number;
  /** By column; cells without anything are not there. */
  readonly cells: ReadonlyMap<string, string>;
}

/** What people call the columns that we know. */
const COLUMN_OF_HEADER: Readonly<Record<string, string>> = {
  device: "name",
  device_name: "name",
  kind: "category",
  location: "room",
  area: "room",
  level: "floor",
  zone: "floor",
  brand: "manufacturer",
  make: "manufacturer",
  vendor: "manufacturer",
  serial: "serial_number",
  serial_no: "serial_number",
  firmware_version: "firmware",
  hardware_version: "hardware",
  comment: "notes",
  comments: "notes",
  note: "notes",
};

/**
 * Reads a table with a header line, separated by commas, semicolons or tabs, of which one column is `name`.
 * @throws DomainError `invalid` naming the line.
 */
export function parseDeviceTable(file: SourceFile): readonly DeviceRow[] {
  const lines = readLines(file);
  const [header, ...rows] = lines;
  if (header === undefined) throw malformed(file.name, "", "is empty");
  // Spreadsheets leave columns behind in which nothing stands.
  const width = lines.reduce(
    (widest, { cells }) => Math.max(widest, cells.findLastIndex((cell) => cell !== "") + 1),
    0,
  );
  const columns = columnsOf(file, { line: header.line, cells: header.cells.slice(0, width) });
  return rows.map(({ line, cells }) => ({ line, cells: cellsOf(columns, cells) }));
}

interface Line {
  readonly line: number;
  readonly cells: readonly string[];
}

function readLines(file: SourceFile): readonly Line[] {
  // One line end, which the parser counts as one line in quotes too, and one way to write an accent: a Mac has its own.
  const text = file.text.normalize("NFC").replaceAll(/\r\n?/g, "\n");
  const lines: Line[] = [];
  try {
    parse(text, {
      bom: true,
      delimiter: [delimiterOf(text)],
      trim: true,
      skip_empty_lines: true,
      on_record: (cells: string[], { lines: lastLine }) => {
        // A cell in quotes may hold line breaks; the parser counts to the end of the record.
        const breaks = cells.reduce((sum, cell) => sum + (cell.match(/\n/g)?.length ?? 0), 0);
        lines.push({ line: lastLine - breaks, cells: cells.map((cell) => cell.trim()) });
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const place = typeof error.lines === "number" ? `line ${error.lines}` : "";
    throw malformed(file.name, place, `is not CSV: ${error.message}`, error);
  }
  return lines.filter(({ cells }) => cells.some((cell) => cell !== ""));
}

/** The separator that stands most often in the header line. */
function delimiterOf(text: string): string {
  const [header = ""] = text.split("\n", 1);
  const count = (separator: string) => header.split(separator).length;
  return [",", ";", "\t"].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
}

function columnsOf(file: SourceFile, { line, cells }: Line): readonly string[] {
  const place = `line ${line}`;
  const columns = cells.map((cell, index) => {
    const name = cell
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, "_")
      .replaceAll(/^_|_$/g, "");
    if (name === "") throw malformed(file.name, place, `has no name for column ${index + 1}`);
    return Object.hasOwn(COLUMN_OF_HEADER, name) ? (COLUMN_OF_HEADER[name] ?? name) : name;
  });
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice !== undefined) throw malformed(file.name, place, `has the column ${twice} twice`);
  if (columns.includes(IMPORT_MEMORY_KEY)) {
    throw malformed(file.name, place, `has the column ${IMPORT_MEMORY_KEY}, which is reserved`);
  }
  if (!columns.includes("name")) throw malformed(file.name, place, "has no column name");
  return columns;
}

function cellsOf(columns: readonly string[], cells: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    columns.map((column, index) => [column, cells[index] ?? ""] as const).filter(([, cell]) => cell !== ""),
  );
}
