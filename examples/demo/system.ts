import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** A running system, and how to get into it. */
export interface DemoSystem extends AsyncDisposable {
  /** URL of the sync-coordinator. */
  readonly syncCoordinator: string;
  /** URL of the mcp-gateway, without `/mcp`. */
  readonly mcpGateway: string;
  /** A token of the demo's own fresh household. */
  token(user: string, role: "owner" | "member"): Promise<string>;
}

const LOCAL = new URL("../../deploy/local/", import.meta.url).pathname;
const START_PATIENCE_MS = 180_000;
const STOP_PATIENCE_MS = 15_000;
const run = promisify(execFile);

/** A system that runs already, by its endpoints.json; tokens come from the issuer in the same folder. */
export function runningSystem(endpointsFile: string, household: string): DemoSystem {
  const { syncCoordinator, mcpGateway } = JSON.parse(readFileSync(endpointsFile, "utf8"));
  const folder = dirname(resolve(endpointsFile));
  return {
    syncCoordinator,
    mcpGateway,
    async token(user, role) {
      const who = ["--household", household, "--user", user, "--role", role];
      const { stdout } = await run(process.execPath, [join(LOCAL, "token.ts"), "--data", folder, ...who]);
      return stdout.trim();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Starts a system of its own in a temporary folder, by the local runner, and stops it when disposed. */
export async function ownSystem(household: string, signal: AbortSignal): Promise<DemoSystem> {
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-demo-"));
  // Started by root, PostgreSQL runs as another user, who has to get in; else its files would be elsewhere, and stay.
  chmodSync(folder, 0o755);
  const endpoints = join(folder, "endpoints.json");
  const runner = startRunner(folder, await freePort());
  try {
    await untilReady(runner, endpoints, signal);
    const system = runningSystem(endpoints, household);
    return { ...system, [Symbol.asyncDispose]: () => stop(runner.process, folder) };
  } catch (error) {
    await stop(runner.process, folder);
    throw error;
  }
}

interface Runner {
  readonly process: ChildProcess;
  /** The last lines it wrote. */
  readonly said: () => string;
}

function startRunner(folder: string, port: number): Runner {
  const args = [join(LOCAL, "run.ts"), "--data", folder, "--port", String(port), "--no-demo"];
  // Its own group, so that Ctrl-C reaches the demo first, which then stops it in good order.
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-2_000);
    });
  }
  return { process: child, said: () => tail.trim() };
}

async function untilReady({ process: child, said }: Runner, endpoints: string, signal: AbortSignal): Promise<void> {
  const giveUpMs = performance.now() + START_PATIENCE_MS;
  while (!existsSync(endpoints)) {
    signal.throwIfAborted();
    if (child.exitCode !== null) throw new Error(`the system did not start: ${said()}`);
    if (performance.now() > giveUpMs) throw new Error(`the system was not ready in time: ${said()}`);
    await sleep(50);
  }
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null) {
    child.kill("SIGINT");
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE_MS);
    await once(child, "exit");
    clearTimeout(late);
  }
  rmSync(folder, { recursive: true, force: true });
}

/** The first of five free ports in a row, below the ports that the system gives to outgoing connections. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 15_000 + Math.floor(Math.random() * 300) * 50;
    const free = await Promise.all([0, 1, 2, 3, 4].map((offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
  throw new Error("found no free ports between 15000 and 30000");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolveFree) => {
    const server = createServer();
    server.once("error", () => resolveFree(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolveFree(true)));
  });
}
