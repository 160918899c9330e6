import { addressTable } from "./address-table.ts";
import { startLocalSystem } from "./local-system.ts";
import { painter } from "./log-lines.ts";
import { HELP, parseRunOptions, type RunOptions } from "./run-options.ts";
import { messageOf, SetupError } from "./setup-error.ts";

/**
 * The local runner behind `npm start`: runs the project in `projectFolder` as `args` ask for, until somebody stops it.
 * @returns the exit code: 0 when it was stopped or only gave help; 1 after one sentence on what is wrong.
 */
export async function runLocally(projectFolder: string, args: readonly string[]): Promise<number> {
  // Whoever reads our output may go away before we do.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  try {
    const options = parseRunOptions(args, projectFolder);
    if (options !== "help") return await runUntilStopped(projectFolder, options);
    process.stdout.write(HELP);
    return 0;
  } catch (error) {
    process.stderr.write(error instanceof SetupError ? `${error.message}\n` : `${describeFault(error)}\n`);
    return 1;
  }
}

async function runUntilStopped(projectFolder: string, options: RunOptions): Promise<number> {
  const startedAt = performance.now();
  const paint = painter(process.stdout.isTTY === true);
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const say = (sentence: string) => write(`${paint("grey", "funkygibbon")} ${sentence}`);
  const signal = stopSignal();
  try {
    const environment = process.env;
    await using system = await startLocalSystem({ ...options, projectFolder, environment, say, write, paint, signal });
    const { addresses, endpointsFile, tokens } = system;
    const seconds = (performance.now() - startedAt) / 1_000;
    write(addressTable({ port: options.port, addresses, ownerToken: tokens.owner, endpointsFile, seconds }));
    await aborted(signal);
    say("stopping");
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  say("stopped");
  return 0;
}

/** Aborts when somebody wants us to stop: Ctrl-C, SIGTERM, a closed terminal, or the end of the bootstrap that started us. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stopping.abort());
  const bootstrap = Number(process.env.FUNKYGIBBON_BOOTSTRAP_PID);
  if (bootstrap === process.ppid) {
    setInterval(() => {
      if (process.ppid !== bootstrap) stopping.abort();
    }, 500).unref();
  }
  return stopping.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  // A timer, because a signal alone does not keep the process alive.
  const alive = setInterval(() => {}, 60_000);
  return new Promise((resolve) => {
    const finish = () => {
      clearInterval(alive);
      resolve();
    };
    if (signal.aborted) finish();
    else signal.addEventListener("abort", finish, { once: true });
  });
}

function describeFault(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}
