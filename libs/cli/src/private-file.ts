import { chmodSync, existsSync, mkdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { DomainError } from "@funkygibbon/kernel/errors";

/** Creates the folder of a file, for this user alone. @throws DomainError saying why it cannot. */
export function makePrivateFolder(file: string): void {
  mustBeWritable(file, () => makeFolders(dirname(file)));
}

/** As `mkdir -p`: Node's own tries for ever where a folder takes none and says that it is not there, as /proc does. */
function makeFolders(folder: string): void {
  const above = dirname(folder);
  if (existsSync(folder) || above === folder) return;
  makeFolders(above);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another gibbon may have been quicker.
    if (!existsSync(folder)) throw error;
  }
}

/**
 * Writes a file, for this user alone: whole, or what was there stays. What is no file, such as a pipe, is written to.
 * @throws DomainError saying why it cannot.
 */
export function writeWhole(file: string, text: string): void {
  mustBeWritable(file, () => {
    const present = statSync(file, { throwIfNoEntry: false });
    if (present === undefined) replaceFile(file, text);
    else if (present.isFile()) replaceFile(realpathSync(file), text);
    else writeFileSync(file, text);
  });
}

function replaceFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Does what writes a file. @throws DomainError saying in one sentence why it cannot be written. */
function mustBeWritable(file: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `${file} cannot be written: ${why}`;
    throw new DomainError("failed-precondition", message, { reason: "NO_FILE", cause: error });
  }
}
