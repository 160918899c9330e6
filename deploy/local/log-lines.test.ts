import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { painter, relayLines } from "./log-lines.ts";

async function relay(...lines: string[]) {
  const input = new PassThrough();
  const written: string[] = [];
  const last = relayLines(input, { name: "entity-store", write: (line) => written.push(line), paint: painter(false) });
  input.end(lines.map((line) => `${line}\n`).join(""));
  await sleep(20);
  return { written, last: last() };
}

test("a service's log is read as time, service, level, event and facts", async () => {
  const entry = {
    level: "warn",
    time: "2026-11-22T09:41:02.581Z",
    service: "entity-store",
    household: "ada",
    seq: 7,
    msg: "commit.applied",
  };
  const { written, last } = await relay(JSON.stringify(entry));
  expect(written).toEqual(["09:41:02.581 entity-store        warn  commit.applied household=ada seq=7"]);
  expect(last).toEqual(["commit.applied household=ada seq=7"]);
});

test("an error comes with its stack, and what is no log line as it is", async () => {
  const entry = {
    level: "error",
    time: "2026-11-22T09:41:02.581Z",
    msg: "it.failed",
    err: { message: "no", stack: "Error: no\n  at x" },
  };
  const { written } = await relay(JSON.stringify(entry), "plain words", "{broken");
  expect(written[0]).toBe("09:41:02.581 entity-store        error it.failed \nError: no\n  at x");
  expect(written.slice(1).map((line) => line.slice(13))).toEqual([
    "entity-store        plain words",
    "entity-store        {broken",
  ]);
});
