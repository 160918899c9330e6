import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Fault, type FaultSize, SIZES } from "./fault.ts";
import { FaultSystem } from "./fault-system.ts";
import { FAULTS } from "./faults.ts";
import { playFault } from "./play-fault.ts";
import { anySeed, SeededRandom } from "./seeded-random.ts";

const faults = new Map<string, Fault>(Object.entries(FAULTS));
const overview = [...faults].map(([name, { summary }]) => `  ${name.padEnd(26)} ${summary}`).join("\n");

const USAGE = `npm run faults [-- --only NAME]… [--seed N] [--quick | --long [--hours N]]
Breaks a system of its own while devices edit, and checks every promise of docs/protocol.md, section 13. Prints a JSON
line per fault; what is wrong goes to stderr, with the logs of that moment kept. Exit code 1 when a promise was broken.

  --only NAME   this fault; may be repeated
  --seed N      the decisions of an earlier run again: who edits what, and when something breaks
  --quick       the compact form
  --long        larger crowds and longer outages, in any order, round after round until Ctrl-C
  --hours N     … or until so many hours have passed; what is under way is finished

${overview}`;

/** What the command line asks for. @throws TypeError when there is no such thing. */
function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      seed: { type: "string" },
      quick: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      hours: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const names = values.only ?? [...faults.keys()];
  const unknown = names.filter((name) => !faults.has(name));
  if (unknown.length > 0) throw new TypeError(`There is no fault ${unknown.join(", ")}.`);
  const seed = values.seed === undefined ? anySeed() : Number(values.seed);
  const hours = values.hours === undefined ? Number.POSITIVE_INFINITY : Number(values.hours);
  if (!Number.isSafeInteger(seed) || !(hours > 0)) throw new TypeError("--seed and --hours take numbers.");
  const size: FaultSize = values.long ? SIZES.long : values.quick ? SIZES.quick : SIZES.full;
  return { help: values.help, names, seed, size, endMs: Date.now() + hours * 3_600_000 };
}

type Options = ReturnType<typeof readOptions>;

/** Plays the faults, one after the other; in the long form again and again. @returns how many promises were not kept. */
async function play({ names, seed, size, endMs }: Options, stop: AbortSignal): Promise<number> {
  let broken = 0;
  await using system = await FaultSystem.start();
  for (let round = 0; round === 0 || size.name === "long"; round += 1) {
    const inOrder = size.name === "long" ? new SeededRandom(seed + round).shuffled(names) : names;
    for (const name of inOrder) {
      const fault = faults.get(name);
      if (fault === undefined || stop.aborted || Date.now() > endMs) return broken;
      const { report, violations } = await playFault({ name, fault, system, size, seed: seed + round });
      console.log(JSON.stringify(report));
      if (violations.length > 0) {
        broken += 1;
        const folder = join(tmpdir(), `funkygibbon-faults-${name}-${report.seed}`);
        system.keepLogs(folder);
        console.error(`${name}, seed ${report.seed} (logs: ${folder})\n  ${violations.join("\n  ")}`);
      }
      await system.repair();
    }
  }
  return broken;
}

function optionsOrUsage(): Options | undefined {
  try {
    const options = readOptions();
    if (!options.help) return options;
    console.log(USAGE);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 1;
  }
  return undefined;
}

const options = optionsOrUsage();
if (options !== undefined) {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  if ((await play(options, stop.signal)) > 0) process.exitCode = 1;
}
