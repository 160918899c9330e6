import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SetupError } from "./setup-error.ts";

/** Says what is going on to the person who waits. */
export type Say = (sentence: string) => void;

/** A server program that the machine may or may not have. */
export interface WantedProgram {
  /** As a person calls it: `Redis`. */
  readonly title: string;
  /** The names under which the program may be installed, the best first. */
  readonly commands: readonly string[];
  readonly debianPackage: string;
  readonly dockerImage: string;
  /** The variable that points to a server elsewhere: `REDIS_URL`. */
  readonly urlVariable: string;
}

/** Where the program was found: on the machine, or as an image for a Docker engine that answers. */
export type FoundProgram =
  | { readonly kind: "binary"; readonly path: string }
  | { readonly kind: "docker"; readonly image: string };

/**
 * Finds the program: on PATH; else, as root on Debian, by installing its package; else as an image when Docker answers.
 * @throws SetupError that says what to do when none of that works.
 */
export async function findProgram(wanted: WantedProgram, say: Say): Promise<FoundProgram> {
  const installed = findOnPath(wanted.commands);
  if (installed !== undefined) return { kind: "binary", path: installed };
  if (mayInstallPackages()) {
    say(`installing ${wanted.debianPackage} with apt`);
    await installPackage(wanted.debianPackage);
    const path = findOnPath(wanted.commands);
    if (path !== undefined) return { kind: "binary", path };
  }
  if (await succeeds("docker", ["info"])) return { kind: "docker", image: wanted.dockerImage };
  throw new SetupError(
    `${wanted.title} is missing: install it so that ${wanted.commands[0]} is on PATH, or start Docker, or set ${wanted.urlVariable} to a running server.`,
  );
}

/** The full path of the first of these commands that is installed; undefined when none is. */
export function findOnPath(commands: readonly string[]): string | undefined {
  // A plain user's PATH on Debian has no sbin, which is where nats-server lives.
  const folders = [
    ...(process.env.PATH ?? "").split(delimiter),
    "/usr/local/sbin",
    "/usr/sbin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
  ];
  for (const command of commands) {
    for (const folder of folders) {
      const path = join(folder, command);
      if (folder !== "" && isExecutable(path)) return path;
    }
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function mayInstallPackages(): boolean {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version") && findOnPath(["apt-get"]) !== undefined;
}

/** Installs without starting anything: the package's own service would take the default port and stay behind. */
async function installPackage(name: string): Promise<void> {
  await using _policy = forbidServiceStarts();
  const install = ["install", "-y", "-qq", "--no-install-recommends", name];
  if (await succeeds("apt-get", install)) return;
  // A fresh container has no package lists.
  await succeeds("apt-get", ["update", "-qq"]);
  await succeeds("apt-get", install);
}

/** invoke-rc.d asks this script before it starts a service; 101 means "not allowed". One that is there already stays. */
function forbidServiceStarts(): AsyncDisposable {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return { [Symbol.asyncDispose]: async () => {} };
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" });
  return { [Symbol.asyncDispose]: async () => rmSync(policy, { force: true }) };
}

function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: "ignore",
      timeout: 120_000,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}
