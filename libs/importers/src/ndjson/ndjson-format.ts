import type { JsonObject } from "@funkygibbon/kernel/json";
import type { ImportFormat } from "../import-format.ts";
import { theOneFile } from "../pick-files.ts";
import { type SourceRecord, saidBy } from "../source-record.ts";
import { type FileVersion, parseHouseholdFile } from "./household-file.ts";

/**
 * A household of ours as a file, whole with its history by `entity-store export` or as it stands by `gibbon export`:
 * every record under its own id. The history tells what a record said earlier.
 */
export const ndjsonFormat: ImportFormat = {
  name: "ndjson",
  summary: "household by gibbon export or entity-store export",
  recognizes: (files) => files.some(({ text }) => /^\uFEFF?\{"line":"household"/.test(text)),
  sourceName: ([file]) => file?.name ?? "",
  read(files) {
    const versions = parseHouseholdFile(theOneFile("ndjson", files));
    const earlier = Map.groupBy(versions, ({ id }) => id);
    const records = versions.flatMap((version) => recordOf(version, earlier.get(version.id) ?? []));
    const nodes = records.filter(({ kind }) => kind === "entity");
    return { records: [...nodes, ...records.filter(({ kind }) => kind === "relationship")], omitted: [] };
  },
};

function recordOf(
  { id, content, body, source, deleted, isHead }: FileVersion,
  all: readonly FileVersion[],
): SourceRecord[] {
  if (!isHead || deleted || body === undefined) return [];
  const basis = { kind: "history", earlier: all.flatMap(saidByVersion) } as const;
  return [{ id, ...content, body, source, basis }];
}

function saidByVersion({ content, body }: FileVersion): readonly JsonObject[] {
  if (body === undefined) return [];
  return [saidBy(body, content.kind === "relationship" ? content : undefined)];
}
