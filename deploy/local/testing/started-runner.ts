import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Endpoints } from "../endpoints.ts";

/** A runner in a process of its own, as a person would have it in a terminal. */
export interface StartedRunner {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  printed(): string;
  /** Resolves when it is ready. @throws Error with what it printed when it ends instead. */
  ready(): Promise<Endpoints>;
  /** Resolves with its exit code once it has ended by itself. */
  ended(): Promise<number | null>;
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

const PATIENCE_MS = 150_000;

/** Starts the runner on a project. */
export function startRunner(
  projectFolder: string,
  dataFolder: string,
  options: { readonly port: number; readonly more?: readonly string[]; readonly environment?: NodeJS.ProcessEnv },
): StartedRunner {
  const script = fileURLToPath(new URL("./run-fake-project.ts", import.meta.url));
  const args = [script, projectFolder, "--data", dataFolder, "--port", String(options.port), ...(options.more ?? [])];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.environment },
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const ended = once(child, "close").then(() => child.exitCode);
  const endpointsFile = join(dataFolder, "endpoints.json");
  return {
    process: child,
    printed: () => printed,
    ended: () => ended,
    async ready() {
      const deadline = Date.now() + PATIENCE_MS;
      // It writes the file a moment before it says so, and what it says comes here through a pipe.
      while (!existsSync(endpointsFile) || !printed.includes("FunkyGibbon is ready")) {
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the runner is not ready: ${printed}`);
        await sleep(30);
      }
      return JSON.parse(readFileSync(endpointsFile, "utf8"));
    },
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
  };
}
