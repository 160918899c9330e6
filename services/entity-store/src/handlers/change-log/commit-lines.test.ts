import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { CommitLines } from "./commit-lines.ts";

test("requests of one household are begun and answered in the order in which they came", async () => {
  const lines = new CommitLines();
  const seen: string[] = [];
  const request = (household: string, name: string, beginMs: number, workMs: number) =>
    lines.run(
      household,
      async () => {
        await sleep(beginMs);
        seen.push(`begin ${name}`);
        return { finished: sleep(workMs, name) };
      },
      async (answer) => void seen.push(`answer ${answer}`),
    );
  await Promise.all([request("h", "1", 20, 30), request("h", "2", 0, 0), request("other", "x", 0, 0)]);
  expect(seen).toEqual(["begin x", "answer x", "begin 1", "begin 2", "answer 1", "answer 2"]);
});

test("an answer that cannot be given does not hold up the next", async () => {
  const lines = new CommitLines();
  const begin = async () => ({ finished: Promise.resolve("x") });
  const broken = lines.run("h", begin, () => Promise.reject(new Error("gone")));
  const next = lines.run("h", begin, async () => {});
  await expect(broken).rejects.toThrow("gone");
  await expect(next).resolves.toBeUndefined();
});
