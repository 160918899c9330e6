import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Client } from "@funkygibbon/client/client";
import { nodeSha1 } from "@funkygibbon/client/node-hashes";
import { ModelServer } from "@funkygibbon/client/testing/model-server";
import { clientOf } from "@funkygibbon/client/testing/scenario";
import { type HouseholdId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { ImportFormat, SourceFile } from "../import-format.ts";
import { type ImportPlan, importInto, planImport } from "../import-plan.ts";

/** The household of {@link emptyHome}. */
export const household: HouseholdId = parseHouseholdId("h1");

/** A replica of its own with nothing in it. */
export function emptyHome(): Promise<Client> {
  return clientOf(new ModelServer(), { deviceId: "ada" });
}

/** Plans an import into a replica. */
export function planFor(
  { graph }: Client,
  format: ImportFormat,
  files: readonly SourceFile[],
  sourceName = "test",
): ImportPlan {
  return planImport({ graph, format, files, scope: { household, sourceName, sha1: nodeSha1 } });
}

/** Imports into a replica. @returns what was done. */
export function runImport(
  client: Client,
  format: ImportFormat,
  files: readonly SourceFile[],
  { sourceName = "test", restoreDeleted = false } = {},
): Promise<ImportPlan> {
  return importInto(client, { format, files, scope: { household, sourceName, sha1: nodeSha1 }, restoreDeleted });
}

/** A file of the project, by its path from the root. */
export function projectFile(path: string): SourceFile {
  return { name: basename(path), text: readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8") };
}
