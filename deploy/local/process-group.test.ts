import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProcessGroup, type ProcessSpec, stopOrphans } from "./process-group.ts";
import { identifyProcess, isRunning } from "./process-identity.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "funkygibbon-group-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const POLITE = `process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000); console.log("up");`;
const STUBBORN = `process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up");`;

function spec(source: string, more: Partial<ProcessSpec> = {}): ProcessSpec {
  const args = ["-e", source];
  return {
    name: "it",
    command: process.execPath,
    args,
    cwd: folder,
    output: "pipe",
    stopSignal: "SIGTERM",
    stopWithinMs: 5_000,
    ...more,
  };
}

async function startUp(group: ProcessGroup, of: ProcessSpec) {
  const started = await group.start(of);
  if (started.child.stdout !== null) await once(started.child.stdout, "data");
  return started;
}

test("disposing a group ends its processes in their own way, and by force those that do not want to", async () => {
  const group = new ProcessGroup();
  const polite = await startUp(group, spec(POLITE));
  const stubborn = await startUp(group, spec(STUBBORN, { stopWithinMs: 200 }));
  await group[Symbol.asyncDispose]();
  expect(await Promise.all([polite.exited, stubborn.exited])).toEqual(["exit code 0", "signal SIGKILL"]);
});

test("a program that cannot be executed is one sentence", async () => {
  await using group = new ProcessGroup();
  await expect(group.start(spec("", { name: "redis", command: "/nowhere/redis" }))).rejects.toThrow(
    /^redis cannot be started: /,
  );
});

test("when a program is killed its reaper stops what it started and removes its temporary folder", async () => {
  const temporary = join(folder, "temporary");
  const program = `
    import { mkdirSync } from "node:fs";
    import { ProcessGroup } from ${JSON.stringify(new URL("./process-group.ts", import.meta.url).href)};
    mkdirSync(${JSON.stringify(temporary)});
    const group = new ProcessGroup({ temporaryFolder: ${JSON.stringify(temporary)} });
    const { pid } = await group.start(${JSON.stringify(spec(POLITE, { output: 1 }))});
    console.log(pid);
    setInterval(() => {}, 1000);`;
  const starter = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  starter.stdout.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  // What it started speaks too, before or after.
  const saidPid = () => /^\d+(?=\n)/m.exec(said)?.[0];
  await expect.poll(saidPid).toBeDefined();
  const identity = identifyProcess(Number(saidPid()));
  expect(identity).toBeDefined();
  starter.kill("SIGKILL");
  for (let waited = 0; waited < 10_000 && (existsSync(temporary) || (identity && isRunning(identity))); waited += 20)
    await sleep(20);
  expect({ folder: existsSync(temporary), running: identity && isRunning(identity) }).toEqual({
    folder: false,
    running: false,
  });
});

test("orphans are stopped by the record, but never a process that only has the number of one", async () => {
  const recordFile = join(folder, "processes.json");
  const bystander = spawn(process.execPath, ["-e", STUBBORN]);
  const orphan = spawn(process.execPath, ["-e", POLITE]);
  await Promise.all([once(bystander.stdout, "data"), once(orphan.stdout, "data")]);
  const entry = { name: "redis", stopSignal: "SIGTERM", stopWithinMs: 5_000 };
  const record = [
    { ...entry, name: "nats", pid: bystander.pid, startedAt: "another time" },
    { ...entry, ...identifyProcess(orphan.pid ?? 0) },
  ];
  writeFileSync(recordFile, JSON.stringify(record));
  expect(await stopOrphans(recordFile)).toEqual(["redis"]);
  expect(identifyProcess(bystander.pid ?? 0)).toBeDefined();
  expect(existsSync(recordFile)).toBe(false);
  bystander.kill("SIGKILL");
  writeFileSync(recordFile, "{ damaged");
  expect(await stopOrphans(recordFile)).toEqual([]);
});
