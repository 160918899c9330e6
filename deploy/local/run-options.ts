import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, SetupError } from "./setup-error.ts";

/** What the person asked the runner for. */
export interface RunOptions {
  /** Absolute path of the data folder. */
  readonly dataFolder: string;
  /** The first of the five ports. */
  readonly port: number;
  readonly demo: boolean;
}

/** What `npm start -- --help` prints. */
export const HELP = `Usage: npm start -- [options]

Runs FunkyGibbon on this machine: PostgreSQL, Redis, NATS and the four services. Ctrl-C stops it.

  --data DIR   where everything is kept between runs (default .data)
  --port N     the address table; entity-store N+1, sync-coordinator N+2, conflict-resolution N+3,
               mcp-gateway N+4, servers on the first free ports of N+10 to N+30 (default 4400)
  --no-demo    do not load the demo home
  --help       this text

DATABASE_URL, REDIS_URL and NATS_URL name servers to use instead of starting our own.
When ready, DIR/endpoints.json holds all addresses and ready-made tokens; npm run token makes more.
`;

/** The ports above N that belong to a system. */
export const LAST_PORT_OFFSET = 30;

/** Reads the command line. @throws SetupError with one sentence when it is wrong. */
export function parseRunOptions(args: readonly string[], projectFolder: string): RunOptions | "help" {
  const values = parse(args);
  if (values.help === true) return "help";
  return {
    dataFolder: values.data === undefined ? resolve(projectFolder, ".data") : resolve(values.data),
    port: parsePort(values.port ?? "4400"),
    demo: values["no-demo"] !== true,
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        data: { type: "string" },
        port: { type: "string" },
        "no-demo": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    const [sentence] = messageOf(error).split(/\. /);
    throw new SetupError(`${sentence}: npm start -- --help lists the options.`);
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  const last = 65_535 - LAST_PORT_OFFSET;
  if (!/^\d+$/.test(text) || port < 1_024 || port > last) {
    throw new SetupError(`--port takes a number from 1024 to ${last}, not ${text}.`);
  }
  return port;
}
