import { invalid } from "@funkygibbon/kernel/errors";
import { csvFormat } from "./csv/csv-format.ts";
import { homeAssistantFormat } from "./home-assistant/home-assistant-format.ts";
import { homekitFormat } from "./homekit/homekit-format.ts";
import type { ImportFormat, SourceFile } from "./import-format.ts";
import { matterFormat } from "./matter/matter-format.ts";
import { ndjsonFormat } from "./ndjson/ndjson-format.ts";

/** Everything that a home can come in. */
export const IMPORT_FORMATS: readonly ImportFormat[] = [
  homekitFormat,
  homeAssistantFormat,
  matterFormat,
  csvFormat,
  ndjsonFormat,
];

/** @throws DomainError `invalid` listing the names there are. */
export function formatNamed(name: string): ImportFormat {
  const format = IMPORT_FORMATS.find((one) => one.name === name);
  if (format !== undefined) return format;
  const description = `must be one of ${IMPORT_FORMATS.map((one) => one.name).join(", ")}, not ${name}`;
  throw invalid([{ field: "format", description }], "UNKNOWN_FORMAT");
}

/** The format that files look like. @throws DomainError `invalid` when they look like none. */
export function formatOf(files: readonly SourceFile[]): ImportFormat {
  const format = IMPORT_FORMATS.find((one) => one.recognizes(files));
  if (format !== undefined) return format;
  const names = files.map(({ name }) => name).join(", ");
  const formats = IMPORT_FORMATS.map(({ name }) => name).join(", ");
  const description = `${names}: looks like none of the formats ${formats}; name the one that it is`;
  throw invalid([{ field: "files", description }], "UNKNOWN_FORMAT");
}
