import { readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * Leaves word beside a store of who holds it, for the error that others get: the lock itself does not say. Nothing depends
 * on it: what a killed process leaves is only read while somebody else holds the lock, and that one has written its own.
 */
export function leaveWord(file: string): void {
  try {
    writeFileSync(holderFile(file), String(process.pid), { mode: 0o600 });
  } catch {
    // A full disk: they will not be told.
  }
}

/** Takes back {@link leaveWord}; before the store is let go. */
export function takeWordBack(file: string): void {
  try {
    rmSync(holderFile(file), { force: true });
  } catch {
    // The folder has become read-only.
  }
}

/** The process that holds the store; undefined: it left no word. */
export function holderOf(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(holderFile(file), "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

function holderFile(file: string): string {
  return `${file}-holder`;
}
