import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.ts";
import { errorCode, SetupError } from "./setup-error.ts";

/** Keeps a folder for one process. Disposing gives it back. */
export type FolderLock = Disposable;

/**
 * Takes the lock of a folder; a lock left by a process that is gone is taken over.
 * @throws SetupError when a living process has it.
 */
export function lockFolder(lockFile: string): FolderLock {
  const own = `${lockFile}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identifyProcess(process.pid)));
  try {
    // A link appears with its content, or not at all.
    while (!tryLink(own, lockFile)) removeStale(lockFile);
  } finally {
    rmSync(own, { force: true });
  }
  return { [Symbol.dispose]: () => rmSync(lockFile, { force: true }) };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Moves the lock aside before judging it, so that of two who find it stale only one removes it. */
function removeStale(lockFile: string): void {
  throwIfHeld(lockFile, lockFile);
  const aside = `${lockFile}.${process.pid}.stale`;
  try {
    renameSync(lockFile, aside);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  try {
    throwIfHeld(aside, lockFile);
  } catch (error) {
    // Somebody else took it over in the meantime and has it now: put theirs back.
    tryLink(aside, lockFile);
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function throwIfHeld(file: string, lockFile: string): void {
  const holder = readHolder(file);
  if (holder === undefined || !isRunning(holder)) return;
  const folder = lockFile.slice(0, lockFile.lastIndexOf("/"));
  throw new SetupError(
    `The data folder ${folder} is in use by another FunkyGibbon (process ${holder.pid}): stop it, or choose another --data.`,
  );
}

function readHolder(file: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null || !("pid" in value) || !("startedAt" in value)) return undefined;
    return typeof value.pid === "number" && typeof value.startedAt === "string"
      ? { pid: value.pid, startedAt: value.startedAt }
      : undefined;
  } catch {
    return undefined;
  }
}
