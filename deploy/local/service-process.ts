import { setTimeout as sleep } from "node:timers/promises";
import { type Paint, relayLines, type WriteLine } from "./log-lines.ts";
import type { ProcessGroup } from "./process-group.ts";
import { SetupError } from "./setup-error.ts";
import type { Running } from "./supervise.ts";

/** A Node program of ours, and how it is run. */
export interface NodeProgram {
  readonly group: ProcessGroup;
  readonly name: string;
  /** The script and its arguments. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly write: WriteLine;
  readonly paint: Paint;
}

/** Longer than a service takes to drain at most. */
const STOP_WITHIN_MS = 12_000;
const READY_WITHIN_MS = 60_000;
/** What a process wrote last may arrive after the news of its end. */
const SETTLE_MS = 50;

/** Starts a service and returns when it answers on `url` that it is ready. @throws SetupError with its last words when it does not. */
export async function startService(program: NodeProgram, url: string): Promise<Running> {
  const { process: service, lastLines } = await startProgram(program);
  let ended: string | undefined;
  void service.exited.then((how) => {
    ended = how;
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  while (ended === undefined && Date.now() < deadline) {
    if (await isReady(url)) return service;
    await sleep(30);
  }
  await sleep(SETTLE_MS);
  const why = ended ?? `not ready within ${READY_WITHIN_MS / 1_000} s`;
  await service.stop();
  throw new SetupError(`${program.name} did not start (${why}): ${lastWords(lastLines())}`);
}

/** Runs a program to its end. @throws SetupError with its last words when that is not exit code 0. */
export async function runToEnd(program: NodeProgram): Promise<void> {
  const { process: running, lastLines } = await startProgram(program);
  const how = await running.exited;
  await sleep(SETTLE_MS);
  if (how !== "exit code 0") throw new SetupError(`${program.name} failed (${how}): ${lastWords(lastLines())}`);
}

async function startProgram({ group, name, args, cwd, environment, write, paint }: NodeProgram) {
  const child = await group.start({
    name,
    command: process.execPath,
    args,
    cwd,
    env: environment,
    output: "pipe",
    stopSignal: "SIGTERM",
    stopWithinMs: STOP_WITHIN_MS,
  });
  const { stdout, stderr } = child.child;
  const outputs = [stdout, stderr].flatMap((stream) =>
    stream === null ? [] : [relayLines(stream, { name, write, paint })],
  );
  return { process: child, lastLines: () => outputs.flatMap((lines) => lines()) };
}

function lastWords(lines: readonly string[]): string {
  return lines.slice(-5).join("; ").trim() || "it said nothing";
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    return response.ok;
  } catch {
    return false;
  }
}
