import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Say } from "./find-program.ts";
import type { PortSupply } from "./ports.ts";
import { findPostgres, type PostgresPrograms } from "./postgres-programs.ts";
import type { GroupedProcess, ProcessGroup } from "./process-group.ts";
import { commandLine, identifyProcess } from "./process-identity.ts";
import { runProgram } from "./run-program.ts";
import { type LocalServer, onFreePort, startServer } from "./server.ts";
import { reachableFolder, type ServerUser, serverUser } from "./server-user.ts";
import { SetupError } from "./setup-error.ts";
import { stopProcess } from "./stop-processes.ts";

/** The superuser and the database of a cluster that we make. */
export const LOCAL_DATABASE = "funkygibbon";

/** Options of {@link startPostgres}. */
export interface PostgresOptions {
  readonly group: ProcessGroup;
  /** The cluster's folder; made on the first start. Root may have to put the cluster elsewhere: see {@link reachableFolder}. */
  readonly directory: string;
  readonly logFile: string;
  /** The superuser's password; has to stay the same for one cluster. */
  readonly password: string;
  readonly ports: PortSupply;
  readonly say: Say;
  /** Server settings by name. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts PostgreSQL on 127.0.0.1, never as root, and returns when it answers. @throws SetupError */
export async function startPostgres(options: PostgresOptions): Promise<LocalServer> {
  const wanted = resolve(options.directory);
  const user = serverUser(wanted);
  const cluster = reachableFolder(wanted, user);
  const programs = await findPostgres(user);
  if (existsSync(cluster)) checkCluster(cluster, programs);
  else await createCluster({ cluster, programs, user, options });
  await endPredecessor(cluster);
  return onFreePort(options.ports, async (port) => {
    const server = await startOverRemains(() => startOn(port, { cluster, programs, user, options }));
    const url = `postgres://${LOCAL_DATABASE}:${options.password}@127.0.0.1:${port}/${LOCAL_DATABASE}`;
    return {
      name: "postgres",
      url,
      port,
      pid: server.pid,
      exited: server.exited,
      stop: server.stop,
      directory: cluster,
    };
  });
}

interface Start {
  readonly cluster: string;
  readonly programs: PostgresPrograms;
  readonly user: ServerUser | undefined;
  readonly options: PostgresOptions;
}

function startOn(port: number, { cluster, programs, user, options }: Start): Promise<GroupedProcess> {
  const settings = {
    listen_addresses: "127.0.0.1",
    // TCP only: a socket's path must be short and writable, and nobody needs it.
    unix_socket_directories: "",
    timezone: "UTC",
    log_timezone: "UTC",
    ...options.settings,
  };
  return startServer(options.group, {
    name: "postgres",
    command: programs.postgres,
    args: [
      "-D",
      cluster,
      "-p",
      String(port),
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    cwd: cluster,
    user,
    logFile: options.logFile,
    // SIGINT is "fast": roll back what is open, write a checkpoint, end.
    stopSignal: "SIGINT",
    stopWithinMs: 20_000,
    // A predecessor that was killed has left its own file, which says "ready" too. A standby answers those who read.
    isReady: (pid) => {
      const found = postmasterStatus(cluster);
      return found?.pid === pid && (found.status === "ready" || found.status === "standby");
    },
    readyWithinMs: 60_000,
  });
}

/** After SIGKILL of a postmaster its backends live on for a moment and hold the shared memory; the next one has to wait for them. */
async function startOverRemains(start: () => Promise<GroupedProcess>): Promise<GroupedProcess> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      const transient = error instanceof SetupError && /shared memory block|postmaster.pid/.test(error.message);
      if (!transient || attempt === 20) throw error;
      await sleep(250);
    }
  }
}

async function createCluster({ cluster, programs, user, options }: Start): Promise<void> {
  options.say("creating the database");
  const draft = `${cluster}.new`;
  const passwordFile = `${cluster}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(cluster), { recursive: true, mode: 0o755 });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (user !== undefined) for (const path of [draft, passwordFile]) chownSync(path, user.uid, user.gid);
  try {
    const access = ["--username", LOCAL_DATABASE, "--pwfile", passwordFile, "--auth", "scram-sha-256"];
    await runProgram(programs.initdb, ["-D", draft, "--encoding", "UTF8", ...localeOptions(programs), ...access], {
      cwd: draft,
      user,
    });
    await runProgram(programs.postgres, ["--single", "-D", draft, "postgres"], {
      cwd: draft,
      user,
      input: `CREATE DATABASE ${LOCAL_DATABASE}\n`,
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  // Only a finished cluster gets the name: whoever is interrupted before starts anew.
  renameSync(draft, cluster);
}

/** Text sorts by code point and knows all letters, on every machine alike; the C library's own rules differ between machines. */
function localeOptions(programs: PostgresPrograms): string[] {
  if (Number(programs.version) < 17) return ["--locale", "C"];
  const letters = process.platform === "darwin" ? "en_US.UTF-8" : "C.UTF-8";
  return ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C", "--lc-ctype", letters];
}

function checkCluster(cluster: string, programs: PostgresPrograms): void {
  const version = versionOf(cluster);
  if (version === undefined) {
    throw new SetupError(
      `The data folder ${cluster} is damaged (PG_VERSION is missing): restore it, or start with another --data.`,
    );
  }
  if (version !== programs.version) {
    throw new SetupError(
      `The data folder ${cluster} was made by PostgreSQL ${version} and this is ${programs.version}: start with another --data.`,
    );
  }
}

function versionOf(cluster: string): string | undefined {
  try {
    return readFileSync(join(cluster, "PG_VERSION"), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Stops a server that still runs on this cluster, and frees the cluster from a stranger who has got the pid of a dead one. */
async function endPredecessor(cluster: string): Promise<void> {
  const pid = postmasterStatus(cluster)?.pid;
  const identity = pid === undefined ? undefined : identifyProcess(pid);
  // With the process gone PostgreSQL judges the file itself, backends that still hold its memory included.
  if (identity === undefined) return;
  if (commandLine(identity.pid).includes(cluster)) {
    await stopProcess({ ...identity, name: "postgres", stopSignal: "SIGINT", stopWithinMs: 20_000 });
  } else {
    rmSync(join(cluster, "postmaster.pid"), { force: true });
  }
}

/** What PostgreSQL tells in postmaster.pid: its pid in the first line, its state in the eighth. */
function postmasterStatus(cluster: string): { pid: number; status: string } | undefined {
  try {
    const lines = readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n");
    return { pid: Number(lines[0]), status: (lines[7] ?? "").trim() };
  } catch {
    return undefined;
  }
}
