// Started by sqlite-store.test.ts in a process of its own: does what its first argument says to the store in its second,
// and reports as one line of JSON.
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DomainError } from "@funkygibbon/kernel/errors";
import { SqliteStore } from "../sqlite-store.ts";
import { sampleBatch, sampleMeta, sampleRecord } from "./sample-replica.ts";

const [what, file = ""] = process.argv.slice(2);

async function reasonOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    return error instanceof DomainError ? error.reason : String(error);
  }
}

async function count(): Promise<number> {
  await using store = SqliteStore.open(file);
  return [...(await store.load()).records].length;
}

async function fill() {
  // Freed later, as somebody who makes room does.
  const ballast = join(dirname(file), "ballast");
  writeFileSync(ballast, Buffer.alloc(300_000));
  let stored = 0;
  let reason = "none";
  {
    await using store = SqliteStore.open(file);
    await store.apply(sampleBatch({ meta: sampleMeta() }));
    while (reason === "none") {
      const putRecords = [sampleRecord(stored * 21, { name: "Lamp", note: "x".repeat(20_000) })];
      reason = await reasonOf(() => store.apply(sampleBatch({ putRecords })));
      if (reason === "none") stored += 1;
    }
    rmSync(ballast);
    await store.apply(sampleBatch({ putRecords: [sampleRecord(1)] }));
  }
  const afterRoomWasMade = await count();
  return { reason, stored, foundAgain: afterRoomWasMade - 1, afterRoomWasMade };
}

async function readOnly() {
  spawnSync("mount", ["-o", "remount,ro", dirname(file)]);
  return { reason: await reasonOf(() => SqliteStore.open(file)) };
}

async function open() {
  return { reason: await reasonOf(() => SqliteStore.open(file)[Symbol.asyncDispose]()) };
}

const report = what === "fill" ? await fill() : what === "read-only" ? await readOnly() : await open();
console.log(JSON.stringify(report));
