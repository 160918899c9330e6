import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

const SHARED_MEMORY = "/dev/shm";
const PREFIX = "funkygibbon-tests-";
const MIN_FREE_BYTES = 4 * 1024 ** 3;

/**
 * A new folder in memory for what a run writes, where the machine has room for one: to make and drop the hundreds of
 * databases of a run takes ten times as long on a disk. What runs killed earlier have left there is removed.
 * @returns undefined where there is no such place (other systems, small containers): the system's own folder will do.
 */
export function makeMemoryFolder(): string | undefined {
  if (!mayHoldPrograms() || freeBytes() < MIN_FREE_BYTES) return undefined;
  for (const name of readdirSync(SHARED_MEMORY)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : undefined;
    // What bears this process's own number is of an earlier one that had it.
    if (pid !== undefined && (pid === process.pid || !isAlive(pid))) removeIfOurs(join(SHARED_MEMORY, name));
  }
  const folder = join(SHARED_MEMORY, `${PREFIX}${process.pid}`);
  try {
    mkdirSync(folder);
  } catch {
    return undefined;
  }
  // PostgreSQL may run as another user, who has to get in.
  chmodSync(folder, 0o755);
  return folder;
}

function removeIfOurs(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Another user's, who will remove it in a next run.
  }
}

/** Tests install packages and run them; many containers forbid that here. */
function mayHoldPrograms(): boolean {
  try {
    const mount = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .findLast(([, path]) => path === SHARED_MEMORY);
    return mount?.[2] === "tmpfs" && !(mount[3] ?? "").split(",").includes("noexec");
  } catch {
    return false;
  }
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(SHARED_MEMORY);
  return bavail * bsize;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
