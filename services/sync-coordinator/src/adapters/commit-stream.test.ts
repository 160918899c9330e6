import { create, fromBinary } from "@bufbuild/protobuf";
import {
  CommitResultSchema,
  type CommitStreamRequest,
  CommitStreamRequestSchema,
  type CommitStreamResponse,
  CommitStreamResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import { silentLogger } from "@funkygibbon/runtime/log";
import { describe, expect, it } from "vitest";
import { CommitStream, type OpenedCommitStream } from "./commit-stream.ts";

const call = (deviceId: string, householdId = "h") => ({
  actorToken: "",
  householdId,
  epoch: "",
  deviceId,
  receivedUs: 0n,
  clockOffsetUs: 0n,
  notBeforeUs: 0n,
  changes: [],
  resolutions: [],
});

/** A store at the other end of each stream that is opened; tests answer or break it by hand. */
class FakeStore {
  readonly streams: FakeStream[] = [];
  readonly open = (): OpenedCommitStream => {
    const stream = new FakeStream();
    this.streams.push(stream);
    return stream;
  };

  async stream(index: number): Promise<FakeStream> {
    await expect.poll(() => this.streams.length, { interval: 5 }).toBeGreaterThan(index);
    return this.streams[index] ?? new FakeStream();
  }
}

class FakeStream implements OpenedCommitStream {
  readonly received: CommitStreamRequest[] = [];
  readonly #queue: (CommitStreamResponse | Error)[] = [];
  #wake = () => {};

  send(message: Parameters<OpenedCommitStream["send"]>[0]): Promise<void> {
    this.received.push(fromBinary(CommitStreamRequestSchema, message.bytes));
    return Promise.resolve();
  }

  get messages(): AsyncIterable<CommitStreamResponse> {
    return this.#read();
  }

  answer(requestId: bigint): void {
    this.#push(
      create(CommitStreamResponseSchema, {
        requestId,
        result: { case: "committed", value: create(CommitResultSchema, { firstSeq: requestId }) },
      }),
    );
  }

  refuse(requestId: bigint, code: number): void {
    this.#push(
      create(CommitStreamResponseSchema, {
        requestId,
        result: { case: "error", value: create(StatusSchema, { code, message: "no" }) },
      }),
    );
  }

  break(): void {
    this.#push(new Error("connection reset"));
  }

  end(): void {}

  cancel(): void {
    this.break();
  }

  #push(item: CommitStreamResponse | Error): void {
    this.#queue.push(item);
    this.#wake();
  }

  async *#read(): AsyncGenerator<CommitStreamResponse> {
    for (;;) {
      const next = this.#queue.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) yield next;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

const devices = (stream: FakeStream) => stream.received.map(({ deviceId }) => deviceId);

describe("CommitStream", () => {
  it("answers each commit by its id, in whatever order the store answers", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger() });
    const both = Promise.all([commits.commit(call("a")), commits.commit(call("b"))]);
    const stream = await store.stream(0);
    stream.answer(2n);
    stream.answer(1n);
    expect((await both).map(({ firstSeq }) => firstSeq)).toEqual([1n, 2n]);
    expect(store.streams).toHaveLength(1);
  });

  it("sends what was not answered again, in its order, over a new stream", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger() });
    const all = Promise.all([commits.commit(call("a")), commits.commit(call("b")), commits.commit(call("c"))]);
    const first = await store.stream(0);
    first.answer(2n);
    await new Promise((resolve) => setTimeout(resolve, 10));
    first.break();
    const second = await store.stream(1);
    expect(devices(second)).toEqual(["a", "c"]);
    second.answer(1n);
    second.answer(3n);
    expect((await all).map(({ firstSeq }) => firstSeq)).toEqual([1n, 2n, 3n]);
  });

  it("opens a new stream for the next commit when the old one broke while nothing waited", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger() });
    const first = commits.commit(call("a"));
    (await store.stream(0)).answer(1n);
    await first;
    (await store.stream(0)).break();
    await new Promise((resolve) => setTimeout(resolve, 10));
    const second = commits.commit(call("b"));
    (await store.stream(1)).answer(2n);
    expect((await second).firstSeq).toBe(2n);
  });

  it("sends little of a household at once, in its order, so that its crowd does not stand before another's commit", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger() });
    for (let count = 1; count <= 200; count += 1) commits.commit(call(`n${count}`, "noisy")).catch(() => {});
    commits.commit(call("q", "quiet")).catch(() => {});
    const stream = await store.stream(0);
    const devices = () => stream.received.map(({ deviceId }) => deviceId);
    const first = Array.from({ length: 8 }, (_, index) => `n${index + 1}`);
    expect(devices()).toEqual([...first, "q"]);
    stream.answer(1n);
    await expect.poll(devices).toEqual([...first, "q", "n9"]);
    stream.break();
    const again = await store.stream(1);
    expect(again.received.map(({ deviceId }) => deviceId)).toEqual([...first.slice(1), "n9", "q"]);
  });

  it("refuses a household more than its share, while another still has room", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger(), maxPendingBytes: 1_000 });
    const large = "x".repeat(180);
    const answers = [1, 2, 3, 4].map(() => commits.commit(call(large, "noisy")));
    for (const answer of answers) answer.catch(() => {});
    await expect(answers[3]).rejects.toMatchObject({ kind: "unavailable" });
    commits.commit(call(large, "quiet")).catch(() => {});
    const stream = await store.stream(0);
    await expect.poll(() => stream.received.map(({ householdId }) => householdId)).toContain("quiet");
  });

  it("passes on what the store refuses a commit with", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger() });
    const refused = commits.commit(call("a"));
    (await store.stream(0)).refuse(1n, 9);
    await expect(refused).rejects.toMatchObject({ kind: "failed-precondition" });
  });

  it("gives up when no answer comes in time, and forgets the commit", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger(), deadlineMs: 20 });
    await expect(commits.commit(call("a"))).rejects.toMatchObject({ kind: "unavailable" });
    (await store.stream(0)).answer(1n);
    (await store.stream(0)).break();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(store.streams).toHaveLength(1);
  });

  it("refuses more than it may hold", async () => {
    const store = new FakeStore();
    await using commits = new CommitStream({ open: store.open, log: silentLogger(), maxPendingBytes: 20 });
    const fits = commits.commit(call("a"));
    fits.catch(() => {});
    await expect(commits.commit(call("x".repeat(60)))).rejects.toMatchObject({ kind: "unavailable" });
  });

  it("rejects what waits when it is disposed, and reconnects no more", async () => {
    const store = new FakeStore();
    const commits = new CommitStream({ open: store.open, log: silentLogger() });
    const waiting = commits.commit(call("a"));
    waiting.catch(() => {});
    await store.stream(0);
    await commits[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject({ kind: "unavailable" });
    await expect(commits.commit(call("b"))).rejects.toMatchObject({ kind: "unavailable" });
  });
});
