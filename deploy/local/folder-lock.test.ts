import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFolder } from "./folder-lock.ts";
import { identifyProcess } from "./process-identity.ts";

let folder: string;
let lockFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "funkygibbon-lock-"));
  lockFile = join(folder, "runner.lock");
});

afterEach(() => rmSync(folder, { recursive: true }));

const SLEEP = ["-e", "setInterval(() => {}, 1000)"];

test("a folder has one lock, which its owner gives back", () => {
  const lock = lockFolder(lockFile);
  expect(() => lockFolder(lockFile)).toThrow(`is in use by another FunkyGibbon (process ${process.pid})`);
  lock[Symbol.dispose]();
  expect(readdirSync(folder)).toEqual([]);
  lockFolder(lockFile)[Symbol.dispose]();
});

test("the lock of a process that is gone is taken over, also when its number has been given to another", async () => {
  const child = spawn(process.execPath, SLEEP);
  await once(child, "spawn");
  const identity = identifyProcess(child.pid ?? 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  writeFileSync(lockFile, JSON.stringify(identity));
  lockFolder(lockFile)[Symbol.dispose]();
  writeFileSync(lockFile, JSON.stringify({ pid: process.pid, startedAt: "long ago" }));
  const lock = lockFolder(lockFile);
  expect(JSON.parse(readFileSync(lockFile, "utf8"))).toEqual(identifyProcess(process.pid));
  lock[Symbol.dispose]();
});

test("a damaged lock is nobody's", () => {
  writeFileSync(lockFile, "{");
  lockFolder(lockFile)[Symbol.dispose]();
  expect(existsSync(lockFile)).toBe(false);
});

test("of many that find a stale lock one gets it", async () => {
  writeFileSync(lockFile, JSON.stringify({ pid: 1, startedAt: "never" }));
  const program = `
    import { lockFolder } from ${JSON.stringify(new URL("./folder-lock.ts", import.meta.url).href)};
    try { lockFolder(${JSON.stringify(lockFile)}); console.log("mine"); setTimeout(() => {}, 60_000); } catch { console.log("taken"); }`;
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, ["--input-type=module", "-e", program]));
  const words = await Promise.all(children.map(async ({ stdout }) => String((await once(stdout, "data"))[0]).trim()));
  for (const child of children) child.kill("SIGKILL");
  expect(words.sort()).toEqual(["mine", "taken", "taken", "taken"]);
});
