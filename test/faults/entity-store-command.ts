import { join } from "node:path";
import { REPOSITORY, runTool } from "../support/run-tool.ts";
import type { FaultSystem } from "./fault-system.ts";

/** Runs a command of entity-store on the system's database. @throws with what it said when it fails. */
export async function entityStore(system: FaultSystem, ...command: string[]): Promise<void> {
  const environment = system.constellation.ground.environment("entity-store", 0, {});
  const main = join(REPOSITORY, "services", "entity-store", "src", "main.ts");
  const { code, stderr } = await runTool(process.execPath, [main, ...command], environment);
  if (code !== 0) throw new Error(`entity-store ${command.join(" ")} failed: ${stderr}`);
}
