import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

/** A clone with nothing installed, and an npm that installs a link to our Node and counts how often. */
let root: string;

const FAKE_NPM = `
const fs = require("node:fs");
fs.appendFileSync("npm-calls", process.argv.slice(2).join(" ") + "\\n");
if (fs.existsSync("npm-is-broken")) { console.error("npm error E404"); process.exit(1); }
fs.rmSync("node_modules", { recursive: true, force: true });
fs.mkdirSync("node_modules/.bin", { recursive: true });
fs.symlinkSync(${JSON.stringify(process.execPath)}, "node_modules/.bin/node");
fs.copyFileSync("package-lock.json", "node_modules/.package-lock.json");
`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "funkygibbon-bootstrap-"));
  mkdirSync(join(root, "deploy/local"), { recursive: true });
  for (const file of ["bootstrap.mjs", "debian-packages.mjs"]) {
    cpSync(new URL(file, import.meta.url).pathname, join(root, "deploy/local", file));
  }
  writeFileSync(join(root, "npm.cjs"), FAKE_NPM);
  writeLock("1.0.0");
});

afterEach(() => rmSync(root, { recursive: true }));

function writeLock(version: string) {
  const other = { version: "9.9.9", integrity: "sha512-other", optional: true };
  const packages = {
    "": {},
    "node_modules/a": { version, integrity: `sha512-${version}` },
    "node_modules/other-platform": other,
  };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }));
}

const environment = () => ({
  ...process.env,
  npm_execpath: join(root, "npm.cjs"),
  npm_node_execpath: process.execPath,
});
const command = (...args: string[]) => [join(root, "deploy/local/bootstrap.mjs"), ...args];

function run(...args: string[]): Promise<{ code: number; printed: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, command(...args), { env: environment(), cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), printed: stdout + stderr });
    });
  });
}

const npmCalls = () =>
  existsSync(join(root, "npm-calls")) ? readFileSync(join(root, "npm-calls"), "utf8").trim().split("\n") : [];

test("the first start installs, the next ones do not, and a changed lock file installs again", async () => {
  writeFileSync(join(root, "hello.mjs"), `console.log("hello", process.argv.slice(2).join(" "));`);
  const first = await run("hello.mjs", "--to", "you");
  expect(first).toMatchObject({ code: 0, printed: expect.stringContaining("hello --to you\n") });
  expect(npmCalls()).toEqual(["ci --no-audit --no-fund --loglevel=error"]);
  expect(await run("hello.mjs")).toEqual({ code: 0, printed: "hello \n" });
  expect(npmCalls()).toHaveLength(1);
  writeLock("2.0.0");
  await run("hello.mjs");
  expect(npmCalls()).toHaveLength(2);
});

test("packages of other platforms are not missed", async () => {
  await run();
  const installed = JSON.parse(readFileSync(join(root, "node_modules/.package-lock.json"), "utf8"));
  delete installed.packages["node_modules/other-platform"];
  writeFileSync(join(root, "node_modules/.package-lock.json"), JSON.stringify(installed));
  await run();
  expect(npmCalls()).toHaveLength(1);
});

test("of several that start at once on a fresh clone only one installs", async () => {
  const results = await Promise.all([run(), run(), run()]);
  expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(npmCalls()).toHaveLength(1);
});

test("a failing npm is one sentence after its own words, and exit code 1", async () => {
  writeFileSync(join(root, "npm-is-broken"), "");
  const { code, printed } = await run("hello.mjs");
  expect(code).toBe(1);
  expect(printed.split("\n").slice(1)).toEqual(["npm error E404", "npm ci failed; what it said is above.", ""]);
});

test("the exit code of the script is passed on", async () => {
  writeFileSync(join(root, "seven.mjs"), "process.exit(7);");
  expect(await run("seven.mjs")).toMatchObject({ code: 7 });
});

/** Says that it is up, and when it is asked to end that it does. */
function writePolite() {
  writeFileSync(
    join(root, "polite.mjs"),
    `process.on("SIGTERM", () => { console.log("tidying up"); process.exit(3); });
     setInterval(() => {}, 1000);
     console.log("up");`,
  );
}

test("signals reach the script, which ends in its own way", async () => {
  writePolite();
  await run();
  const child = spawn(process.execPath, command("polite.mjs"), {
    env: environment(),
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const [text] = await once(child.stdout, "data");
  expect(String(text)).toBe("tidying up\n");
  expect(await exited).toEqual([3, null]);
});

test.runIf(process.platform !== "win32")("the script ends with the shell in which npm has started it", async () => {
  writePolite();
  await run();
  const line = [process.execPath, ...command("polite.mjs")].map((word) => `'${word}'`).join(" ");
  const shell = spawn("/bin/sh", ["-c", `${line}; true`], {
    env: { ...environment(), npm_lifecycle_script: "node deploy/local/bootstrap.mjs polite.mjs" },
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  shell.stdout.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  await expect.poll(() => said).toBe("up\n");
  shell.kill("SIGTERM");
  await expect.poll(() => said).toBe("up\ntidying up\n");
});

test("it runs on the old Node that a machine may have", () => {
  // Nothing newer than Node 18 may be used before Node 24 is there; these are what one reaches for by habit.
  for (const file of ["bootstrap.mjs", "debian-packages.mjs"]) {
    const source = readFileSync(new URL(file, import.meta.url), "utf8");
    expect(source).not.toMatch(
      /import\.meta\.(dirname|filename|main)|using |toSorted|toReversed|Promise\.withResolvers|from "(?!node:|\.)/,
    );
  }
});
