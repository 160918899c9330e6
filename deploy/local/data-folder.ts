import { accessSync, constants, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type FolderLock, lockFolder } from "./folder-lock.ts";
import { errorCode, messageOf, SetupError } from "./setup-error.ts";

/** Where one local system keeps everything, and that it is ours alone. */
export interface DataFolder extends Disposable {
  readonly path: string;
  readonly endpointsFile: string;
  /** What runs, for the start after a crash. */
  readonly processRecord: string;
  /** There once the demo home is loaded. */
  readonly demoMarker: string;
}

/** What is in a data folder; one with other things in it and none of these is somebody else's. */
const OUR_NAMES = new Set(["keys", "postgres", "runner.lock"]);

/** Makes or enters the data folder and locks it. @throws SetupError when it cannot be used. */
export function openDataFolder(path: string): DataFolder {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SetupError(describe(path, error));
  }
  const names = readdirSync(path);
  if (names.length > 0 && !names.some((name) => OUR_NAMES.has(name))) {
    throw new SetupError(`The folder ${path} holds other things: give --data a new or empty folder.`);
  }
  const lock = take(path);
  return {
    path,
    endpointsFile: join(path, "endpoints.json"),
    processRecord: join(path, "processes.json"),
    demoMarker: join(path, "demo-home-loaded"),
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}

function take(path: string): FolderLock {
  try {
    return lockFolder(join(path, "runner.lock"));
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(describe(path, error));
  }
}

function describe(path: string, error: unknown): string {
  switch (errorCode(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `The data folder ${path} cannot be written (permission denied): choose another --data.`;
    case "ENOTDIR":
    case "EEXIST":
      return `The data folder ${path} is no folder: choose another --data.`;
    case "ENOSPC":
      return `The disk with the data folder ${path} is full.`;
    default:
      return `The data folder ${path} cannot be used (${messageOf(error)}): choose another --data.`;
  }
}
