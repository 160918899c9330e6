import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { type HomeFiles, MAPLE_STREET } from "./home-files.ts";
import { Narrator } from "./narrator.ts";
import { paletteFor, wantsColour } from "./palette.ts";
import { playStory } from "./story.ts";
import { ownSystem, runningSystem } from "./system.ts";

const HELP = `Plays the main job of FunkyGibbon and checks every step: two devices, an AI assistant and a browser share a home.

  npm run demo                                    on a temporary system of its own
  npm run demo -- --endpoints .data/endpoints.json   on a running one, in a fresh household

  --endpoints FILE   endpoints.json of a running local system
  --home FILE        a HomeKit accessory dump, {"accessories": […]} or the bare array
  --rooms FILE       who stands where: {"home": "…", "rooms": [{"name": "…", "accessories": [aid or name, …]}]}
  --source NAME      tells this dump from others (default: the name of the file)
  --help             this text
`;

const OPTIONS = {
  endpoints: { type: "string" },
  home: { type: "string" },
  rooms: { type: "string" },
  source: { type: "string" },
  help: { type: "boolean" },
} as const;

/** Runs the demo. @returns the exit code. */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  for (const file of [values.endpoints, values.home, values.rooms]) {
    if (file !== undefined && !existsSync(file)) throw new Error(`there is no file ${file}`);
  }
  const home: HomeFiles =
    values.home === undefined
      ? { ...MAPLE_STREET, sourceName: values.source }
      : { dumpFile: values.home, roomsFile: values.rooms, sourceName: values.source };

  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));
  const palette = paletteFor(wantsColour(process.stdout, process.env));
  const narrator = new Narrator(palette, (line) => console.log(line));
  const household = `demo-${crypto.randomUUID().slice(0, 8)}`;
  const startedMs = performance.now();

  if (values.endpoints === undefined) narrator.say(palette.dim("starting a system of its own …"));
  await using system =
    values.endpoints === undefined
      ? await ownSystem(household, interrupted.signal)
      : runningSystem(values.endpoints, household);
  narrator.say(`${palette.bold("FunkyGibbon")}  household ${household}  ${palette.dim(system.syncCoordinator)}`);
  narrator.say();
  try {
    await playStory({ system, home, narrator, palette, signal: interrupted.signal });
  } catch (error) {
    narrator.failed(error);
    return 1;
  }
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  narrator.say(palette.green(`     All ${narrator.checked} promises kept, ${seconds} s.`));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
