/**
 * `node deploy/local/bootstrap.mjs SCRIPT ARGUMENTS…` runs a script of this project on the Node that the project wants,
 * after installing what is missing; without a script it only installs. This file itself runs on whatever Node the
 * machine has (18 or newer), before there is a node_modules.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { findOnPath, installDebianPackages, mayInstallPackages } from "./debian-packages.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bin = join(root, "node_modules", ".bin");
const node = join(bin, "node");

const [script, ...args] = process.argv.slice(2);
try {
  if (!isInstalled()) await installOnce();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
if (script !== undefined) run(script, args);

/** Whether node_modules holds what package-lock.json asks for: npm notes what it installed in a lock file of its own. */
function isInstalled() {
  if (!existsSync(node)) return false;
  const wanted = readPackages(join(root, "package-lock.json"));
  const present = readPackages(join(root, "node_modules", ".package-lock.json"));
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true;
    const found = present[path];
    // Optional packages are those of other platforms.
    if (found === undefined) return entry.optional === true || entry.peer === true;
    return (
      found.version === entry.version && (found.integrity ?? entry.integrity) === (entry.integrity ?? found.integrity)
    );
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages ?? {};
  } catch {
    return {};
  }
}

/** Two commands started at the same time on a fresh clone must not install into each other's way. */
async function installOnce() {
  const lock = join(tmpdir(), `funkygibbon-install-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`);
  while (!takeLock(lock)) {
    if (!isHeld(lock)) rmSync(lock, { recursive: true, force: true });
    await sleep(200);
  }
  try {
    if (!isInstalled()) await Promise.all([installPackages(), installServers()]);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function takeLock(lock) {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, "pid"), String(process.pid));
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function isHeld(lock) {
  try {
    const pid = Number(readFileSync(join(lock, "pid"), "utf8"));
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    // No pid yet: its owner is just writing it, or died in that instant.
    return error.code === "EPERM" || error.code === "ENOENT";
  }
}

async function installPackages() {
  console.error("Installing the packages (npm ci), which takes about a minute …");
  const npm = process.env.npm_execpath;
  const [command, ...start] = npm === undefined ? ["npm"] : [process.env.npm_node_execpath ?? process.execPath, npm];
  const options = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const child = spawn(command, [...start, ...options], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(new Error(`npm cannot be run (${error.message}): install Node.js together with npm.`)),
    );
    child.once("exit", resolve);
  });
  if (code !== 0) throw new Error("npm ci failed; what it said is above.");
  if (!existsSync(node))
    throw new Error("npm ci installed no Node: are install scripts switched off (ignore-scripts)?");
}

/** While npm is at work, what npm does not have. Whether it is needed and has worked shows later, in find-program.ts. */
async function installServers() {
  const missing = [
    { commands: ["redis-server", "valkey-server"], name: "redis-server", given: process.env.REDIS_URL },
    { commands: ["nats-server"], name: "nats-server", given: process.env.NATS_URL },
  ].filter(({ commands, given }) => !given && findOnPath(commands) === undefined);
  if (missing.length === 0 || !mayInstallPackages()) return;
  const names = missing.map(({ name }) => name);
  console.error(`Installing ${names.join(" and ")} (apt) …`);
  await installDebianPackages(names);
}

/** Runs the script, passes signals on to it, and ends as it ends. */
function run(file, fileArgs) {
  const child = spawn(node, [file, ...fileArgs], {
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`,
      // Compiled code is kept between starts: half the work of starting a service.
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules", ".cache", "node"),
      FUNKYGIBBON_BOOTSTRAP_PID: String(process.pid),
    },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // Ctrl-C in a terminal reaches the child by itself.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  whenNpmIsStopped(() => child.kill("SIGTERM"));
  child.once("error", (error) => {
    console.error(`${node} cannot be run (${error.message}): delete node_modules and try again.`);
    process.exit(1);
  });
  child.once("exit", (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}

/** Between npm and us is a shell, which dies of the signals that npm passes on and keeps them to itself. */
function whenNpmIsStopped(stop) {
  if (!process.env.npm_lifecycle_script?.includes("bootstrap.mjs")) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    stop();
  }, 250);
}
