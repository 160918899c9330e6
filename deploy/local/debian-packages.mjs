/**
 * Finds programs and installs Debian packages. Plain JavaScript for any Node from 18 on, because the bootstrap uses it
 * before there is a node_modules; the types are in debian-packages.d.mts.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

export function findOnPath(commands) {
  // A plain user's PATH on Debian has no sbin, which is where nats-server lives.
  const more = ["/usr/local/sbin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...more].filter((folder) => folder !== "");
  for (const command of commands) {
    const found = folders.map((folder) => join(folder, command)).find(isExecutable);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function mayInstallPackages() {
  return process.getuid?.() === 0 && existsSync("/etc/debian_version") && findOnPath(["apt-get"]) !== undefined;
}

/** The machine has one package database: whoever in this process installs something waits for whoever does already. */
let installing = Promise.resolve();

export function installDebianPackages(names) {
  installing = installing.then(() => installNow(names));
  return installing;
}

/** Installs without starting anything: a package's own service would take the default port and stay behind. */
async function installNow(names) {
  const allowServiceStarts = forbidServiceStarts();
  try {
    const install = ["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=100", ...names];
    if (await succeeds("apt-get", install)) return;
    // A fresh container has no package lists.
    await succeeds("apt-get", ["update", "-qq"]);
    await succeeds("apt-get", install);
  } finally {
    allowServiceStarts();
  }
}

/** invoke-rc.d asks this script before it starts a service; 101 means "not allowed". One that is there already stays. */
function forbidServiceStarts() {
  const policy = "/usr/sbin/policy-rc.d";
  if (existsSync(policy)) return () => {};
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755, flag: "wx" });
  return () => rmSync(policy, { force: true });
}

export function succeeds(command, args) {
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

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
