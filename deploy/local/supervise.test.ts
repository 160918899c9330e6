import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Running, supervise } from "./supervise.ts";

/** A thing that ends when told. */
function fakeRuns() {
  const runs: { end: (how: string) => void }[] = [];
  const start = async (): Promise<Running> => {
    const { promise: exited, resolve: end } = Promise.withResolvers<string>();
    runs.push({ end });
    return { pid: runs.length, exited, stop: async () => end("exit code 0") };
  };
  return { runs, start };
}

function options(start: () => Promise<Running>) {
  const said: string[] = [];
  const stop = new AbortController();
  let restarts = 0;
  const onRestart = () => {
    restarts += 1;
  };
  const say = (sentence: string) => void said.push(sentence);
  return {
    said,
    stop,
    restarts: () => restarts,
    supervision: { name: "redis", start, say, onRestart, signal: stop.signal },
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds() && waited < 10_000; waited += 10) await sleep(10);
  expect(holds()).toBe(true);
}

test("what ends is started again, with ever longer pauses, and each time it is said", async () => {
  const { runs, start } = fakeRuns();
  const { said, supervision, restarts } = options(start);
  const supervised = await supervise(supervision);
  expect(supervised.pid).toBe(1);
  runs[0]?.end("signal SIGKILL");
  await until(() => restarts() === 1);
  runs[1]?.end("exit code 1");
  await until(() => restarts() === 2);
  expect(supervised.pid).toBe(3);
  await supervised.stop();
  expect(said).toEqual([
    "redis ended (signal SIGKILL); starting it again in 0.25 s",
    "redis is back (process 2)",
    "redis ended (exit code 1); starting it again in 0.5 s",
    "redis is back (process 3)",
  ]);
});

test("a start that fails later is tried again", async () => {
  const { runs, start } = fakeRuns();
  let failures = 0;
  const { said, supervision, restarts } = options(async () => {
    if (runs.length === 1 && failures++ === 0) throw new Error("no luck");
    return start();
  });
  const supervised = await supervise(supervision);
  runs[0]?.end("exit code 1");
  await until(() => restarts() === 1);
  expect(said[1]).toBe("redis ended (no luck); starting it again in 0.5 s");
  await supervised.stop();
});

test("a start that fails at first fails", async () => {
  const failing = options(() => Promise.reject(new Error("never")));
  await expect(supervise(failing.supervision)).rejects.toThrow("never");
});

test("what is stopped, or called off, stays stopped", async () => {
  for (const how of ["stop", "abort"] as const) {
    const { runs, start } = fakeRuns();
    const { said, stop, supervision } = options(start);
    const supervised = await supervise(supervision);
    if (how === "abort") stop.abort();
    await supervised.stop();
    await sleep(300);
    expect({ runs: runs.length, said }).toEqual({ runs: 1, said: [] });
  }
});
