import { runService } from "@funkygibbon/runtime/run-service";
import { runCommand } from "./commands.ts";
import { configureEntityStore } from "./config.ts";
import { ENTITY_STORE_VERSION, startEntityStore } from "./service.ts";

const command = process.argv.slice(2);
if (command.length > 0) {
  process.exitCode = await runCommand(command, { environment: process.env, terminal: process });
} else {
  await runService({
    name: "entity-store",
    version: ENTITY_STORE_VERSION,
    configure: configureEntityStore,
    start: startEntityStore,
  });
}
