import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Client } from "@funkygibbon/client";
import { nodeSha1 } from "@funkygibbon/client/node-hashes";
import { homekitFormat } from "@funkygibbon/importers/homekit/homekit-format";
import { type ImportReport, type ImportStep, importInto, reportOf } from "@funkygibbon/importers/import-plan";

/** A HomeKit accessory database, and who stands where. */
export interface HomeFiles {
  readonly dumpFile: string;
  /** Undefined: everything in one room. */
  readonly roomsFile: string | undefined;
  /** Tells dumps apart; default the name of the file. */
  readonly sourceName?: string | undefined;
}

/** The home that ships with the project: Maple Street 12, 14 accessories in 6 rooms. */
export const MAPLE_STREET: HomeFiles = {
  dumpFile: new URL("home/maple-street.json", import.meta.url).pathname,
  roomsFile: new URL("home/maple-street.rooms.json", import.meta.url).pathname,
};

/** What an import came to. */
export interface ImportedHome {
  readonly report: ImportReport;
  /** The devices in the order of the dump. */
  readonly devices: readonly ImportStep["record"]["id"][];
}

/** Imports a home into the household of a client that has been in contact. @returns what it came to. @throws DomainError naming the path at fault. */
export async function importHome(client: Client, files: HomeFiles): Promise<ImportedHome> {
  const household = client.state.household;
  if (household === undefined) throw new Error("the client has not been in contact yet");
  const { dumpFile, roomsFile } = files;
  const plan = await importInto(client, {
    format: homekitFormat,
    files: [dumpFile, ...(roomsFile === undefined ? [] : [roomsFile])].map(readSourceFile),
    scope: { household, sourceName: files.sourceName ?? basename(dumpFile), sha1: nodeSha1 },
  });
  const devices = plan.steps.flatMap(({ record }) =>
    record.kind === "entity" && record.type === "device" ? [record.id] : [],
  );
  return { report: reportOf(plan), devices };
}

function readSourceFile(path: string) {
  return { name: basename(path), text: readFileSync(path, "utf8") };
}
