import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openNodeClient } from "@funkygibbon/client/node-client";
import type { ImportReport } from "@funkygibbon/importers/import-plan";
import { importHome, MAPLE_STREET } from "./home-files.ts";

/** Where the demo home goes. */
export interface DemoHomeTarget {
  /** The sync-coordinator. */
  readonly url: string;
  /** Of an owner or a member. */
  readonly token: string;
  readonly signal?: AbortSignal;
}

const PATIENCE_MS = 60_000;

/** Loads the home that ships with the project, through the front door as any device would. Idempotent: what is there already, or was edited or deleted since, stays as it is. @throws DomainError. */
export async function loadDemoHome({ url, token, signal }: DemoHomeTarget): Promise<ImportReport> {
  const patience = AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), ...(signal === undefined ? [] : [signal])]);
  await using client = await openNodeClient({ url, token: () => token, deviceId: "demo-loader" });
  client.connect();
  await client.settled(patience);
  const { report } = await importHome(client, MAPLE_STREET);
  await client.settled(patience);
  return report;
}

/** From `--endpoints FILE` of a local system, or from SYNC_COORDINATOR_URL and FUNKYGIBBON_TOKEN. */
function readTarget(): DemoHomeTarget {
  const { values } = parseArgs({ options: { endpoints: { type: "string" } } });
  if (values.endpoints !== undefined) {
    const { syncCoordinator, tokens } = JSON.parse(readFileSync(values.endpoints, "utf8"));
    return { url: syncCoordinator, token: tokens.owner };
  }
  const { SYNC_COORDINATOR_URL: url, FUNKYGIBBON_TOKEN: token } = process.env;
  if (url === undefined || token === undefined) {
    throw new Error("say --endpoints FILE, or set SYNC_COORDINATOR_URL and FUNKYGIBBON_TOKEN");
  }
  return { url, token };
}

if (import.meta.main) {
  try {
    const { created, updated } = await loadDemoHome(readTarget());
    const changed = created + updated;
    console.log(changed === 0 ? "demo home: nothing new" : `demo home: ${changed} records loaded`);
  } catch (error) {
    console.error(`demo home: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
