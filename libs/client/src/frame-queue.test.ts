import { describe, expect, it } from "vitest";
import { FrameQueue } from "./frame-queue.ts";

async function read<T>(queue: FrameQueue<T>): Promise<T[]> {
  const frames: T[] = [];
  for await (const frame of queue) frames.push(frame);
  return frames;
}

describe("a frame queue", () => {
  it("gives frames in order, whether they come before or after somebody reads", async () => {
    const queue = new FrameQueue<number>();
    queue.push(1);
    const reading = read(queue);
    await Promise.resolve();
    queue.push(2);
    queue.end();
    queue.push(3);
    expect(await reading).toEqual([1, 2]);
  });

  it("throws the failure after the frames that came before it", async () => {
    const queue = new FrameQueue<number>();
    queue.push(1);
    queue.fail(new Error("cut"));
    const seen: number[] = [];
    const reading = (async () => {
      for await (const frame of queue) seen.push(frame);
    })();
    await expect(reading).rejects.toThrow("cut");
    expect(seen).toEqual([1]);
  });

  it("slows its source down when it is full, and lets it go on when it is empty", async () => {
    const said: string[] = [];
    const queue = new FrameQueue<number>({ pause: () => said.push("pause"), resume: () => said.push("resume") });
    for (let frame = 0; frame < 20; frame++) queue.push(frame);
    queue.end();
    await read(queue);
    expect(said).toEqual(["pause", "resume"]);
  });
});
