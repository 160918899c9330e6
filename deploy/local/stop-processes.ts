import { setTimeout as sleep } from "node:timers/promises";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";
import { errorCode } from "./setup-error.ts";

/** A process that we started, and how it wants to be asked to end. */
export interface StoppableProcess extends ProcessIdentity {
  readonly name: string;
  /** The signal after which it ends in good order. */
  readonly stopSignal: NodeJS.Signals;
  /** How long it may take, in milliseconds, before it is killed. */
  readonly stopWithinMs: number;
}

/** Ends the given processes one after the other, the last first, and returns when none of them runs any more. */
export async function stopProcesses(processes: readonly StoppableProcess[]): Promise<void> {
  for (const process of processes.toReversed()) await stopProcess(process);
}

/** Asks the process to end, waits, and kills it when it does not. Resolves when it is gone; nothing happens when it is already. */
export async function stopProcess(target: StoppableProcess): Promise<void> {
  if (!send(target, target.stopSignal)) return;
  if (await gone(target, target.stopWithinMs)) return;
  send(target, "SIGKILL");
  await gone(target, 5_000);
}

function send(target: StoppableProcess, signal: NodeJS.Signals): boolean {
  if (!isRunning(target)) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch (error) {
    if (errorCode(error) === "ESRCH") return false;
    throw error;
  }
}

async function gone(target: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (!isRunning(target)) return true;
    await sleep(20);
  }
  return !isRunning(target);
}
