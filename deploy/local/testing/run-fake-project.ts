/** Like run.ts, but for the project in the folder that the first argument names: `run-fake-project.ts FOLDER OPTIONS…`. */
import { runLocally } from "../runner.ts";

const [projectFolder = "", ...args] = process.argv.slice(2);
process.exitCode = await runLocally(projectFolder, args);
process.exit();
