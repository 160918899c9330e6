import { fileURLToPath } from "node:url";
import { runLocally } from "./runner.ts";

process.exitCode = await runLocally(fileURLToPath(new URL("../../", import.meta.url)), process.argv.slice(2));
// Nothing is open any more; what a library may have left ticking must not keep the terminal waiting.
process.exit();
