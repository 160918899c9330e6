import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { footprintOf, type PushedChange } from "./pushed-change.ts";
import {
  beginSession,
  CREDIT_FRAMES,
  NEWS,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
} from "./session-state.ts";
import { stepSession } from "./session-step.ts";

const SECOND = 1_000_000;
const START = 1_000 * SECOND;

/** Runs events one after another and keeps all effects. */
class Script {
  state: SessionState;
  nowUs = START;
  effects: SessionEffect[] = [];

  constructor(start: Partial<Parameters<typeof beginSession>[0]> = {}) {
    this.state = beginSession({
      pacing: "credit",
      cursorSeq: 0,
      snapshotSeq: 0,
      headSeq: 0,
      nowUs: START,
      tokenEndsUs: START + 3_600 * SECOND,
      ...start,
    });
  }

  take(...events: SessionEvent[]): SessionEffect[] {
    const before = this.effects.length;
    for (const event of events) {
      const { state, effects } = stepSession(this.state, event, this.nowUs);
      this.state = state;
      this.effects.push(...effects);
    }
    return this.effects.slice(before);
  }

  after(us: number): this {
    this.nowUs += us;
    return this;
  }
}

/** A page of a snapshot in which there is more, unless it reaches the head of it. */
const page = (throughSeq: number, records = 1, snapshotSeq = throughSeq + 1_000): SessionEvent => ({
  type: "page-read",
  page: { throughSeq, records, snapshotSeq },
});
const record = (recordId: string, ...parentVersions: string[]): PushedChange => ({
  ...{ recordId, parentVersions, content: { case: undefined } },
  version: "2026-11-22T09:41:02.581Z-phone-000007",
});
const push = (id: number, ...records: (string | PushedChange)[]): SessionEvent => ({
  type: "push",
  id,
  footprint: footprintOf(records.map((one) => (typeof one === "string" ? record(one) : one))),
});
const types = (effects: SessionEffect[]) => effects.map(({ type }) => type);

/** A session that has been told that it is up to date at seq 10. */
function live(): Script {
  const script = new Script({ cursorSeq: 10, headSeq: 10 });
  script.take({ type: "heard" }, page(10, 0, 10));
  script.effects = [];
  return script;
}

describe("pulling", () => {
  it("reads even when nothing seems new, so that every session begins with up_to_date", () => {
    const script = new Script({ cursorSeq: 10, headSeq: 10 });
    expect(script.take({ type: "heard" })).toEqual([{ type: "read", afterSeq: 10 }]);
    expect(types(script.take(page(10, 0, 10)))).toEqual(["tell-up-to-date"]);
    expect(script.take({ type: "heard" })).toEqual([]);
  });

  it("reads the next page while the one before is on its way, and sends it when that was taken", () => {
    const script = new Script({ headSeq: 3_000 });
    script.take({ type: "heard" });
    expect(script.take(page(1_000))).toEqual([
      { type: "send-page", frameId: 1, backlog: true },
      { type: "read", afterSeq: 1_000 },
    ]);
    expect(script.take(page(2_000))).toEqual([]);
    expect(script.take({ type: "frame-taken" })).toEqual([
      { type: "send-page", frameId: 2, backlog: true },
      { type: "read", afterSeq: 2_000 },
    ]);
  });

  it("says up_to_date right after the page that reaches the head, and calls nothing after it backlog", () => {
    const script = new Script({ headSeq: 5 });
    script.take({ type: "heard" });
    expect(types(script.take(page(5, 5, 5)))).toEqual(["send-page", "tell-up-to-date"]);
    script.take({ type: "frame-taken" }, { type: "log-advanced", headSeq: 6, news: "others" });
    expect(script.take(page(6, 1, 6))).toEqual([{ type: "send-page", frameId: 2, backlog: false }]);
  });

  it("says no up_to_date below a snapshot that has left something out, be it of an earlier session", () => {
    const script = new Script({ headSeq: 3 });
    script.take({ type: "heard" });
    // What was replaced by seq 5 is not among these two.
    script.take(page(2, 2, 5), { type: "frame-taken" });
    expect(types(script.take(page(3, 1, 3)))).toEqual(["send-page", "read"]);
    script.take({ type: "frame-taken" });
    expect(types(script.take(page(5, 2, 5)))).toEqual(["send-page", "tell-up-to-date"]);

    const later = new Script({ cursorSeq: 2, snapshotSeq: 5, headSeq: 3 });
    later.take({ type: "heard" });
    expect(types(later.take(page(3, 1, 3)))).not.toContain("tell-up-to-date");
  });

  it("goes past pages that hold nothing for this device without a frame", () => {
    const script = new Script({ headSeq: 2_000 });
    script.take({ type: "heard" });
    expect(script.take(page(1_000, 0))).toEqual([{ type: "read", afterSeq: 1_000 }]);
  });

  it("stops at four unacknowledged frames and goes on with the ack", () => {
    const script = new Script({ headSeq: 100 });
    script.take({ type: "heard" });
    for (let seq = 1; seq <= CREDIT_FRAMES; seq += 1) script.take(page(seq), { type: "frame-taken" });
    expect(script.state.reading).toBe(false);
    expect(script.take({ type: "ack", frameId: 2, seq: 2 })).toEqual([
      { type: "acknowledged", seq: 2 },
      { type: "read", afterSeq: 4 },
    ]);
  });

  it("is paced by the transport alone on Subscribe", () => {
    const script = new Script({ headSeq: 100, pacing: "transport" });
    script.take({ type: "heard" });
    for (let seq = 1; seq <= 20; seq += 1) {
      expect(types(script.take(page(seq)))).toContain("send-page");
      script.take({ type: "frame-taken" });
    }
  });

  it("tells up_to_date once after a burst of live changes", () => {
    const script = live();
    script.take({ type: "log-advanced", headSeq: 11, news: "others" }, page(11, 1, 11), { type: "frame-taken" });
    script.take({ type: "log-advanced", headSeq: 12, news: "others" }, page(12, 1, 12), { type: "frame-taken" });
    expect(types(script.take({ type: "settled", headSeq: 12 }, { type: "settled", headSeq: 12 }))).toEqual([
      "tell-up-to-date",
    ]);
  });

  it("tells up_to_date even when the log came to rest before the last page was on its way", () => {
    const script = live();
    script.take({ type: "log-advanced", headSeq: 11, news: "others" }, { type: "settled", headSeq: 11 });
    expect(types(script.take(page(11, 1, 11)))).toEqual(["send-page", "tell-up-to-date"]);
  });

  it("reads again a while after the log could not be read", () => {
    const script = new Script({ headSeq: 5 });
    script.take({ type: "heard" });
    expect(types(script.take({ type: "read-failed" }))).toEqual(["wake"]);
    expect(types(script.after(SECOND).take({ type: "tick" }))).toEqual(["read"]);
  });

  it("refuses acks of what was never sent", () => {
    expect(types(live().take({ type: "ack", frameId: 1, seq: 10 }))).toEqual(["fail"]);
    expect(types(live().take({ type: "ack", frameId: 0, seq: 11 }))).toEqual(["fail"]);
  });
});

describe("pushing", () => {
  it("commits two pushes side by side when they do not meet, and answers them in their order", () => {
    const script = live();
    expect(types(script.take(push(1, "a"), push(2, "b")))).toEqual(["commit", "commit"]);
    expect(script.take({ type: "push-settled", id: 2 })).toEqual([]);
    expect(script.take({ type: "push-settled", id: 1 })).toEqual([
      { type: "answer", id: 1 },
      { type: "answer", id: 2 },
    ]);
  });

  it("commits a push that meets the one before only after that is settled", () => {
    const script = live();
    expect(script.take(push(1, "a"), push(2, "A", "b"))).toEqual([{ type: "commit", id: 1 }]);
    expect(script.take({ type: "push-settled", id: 1 })).toEqual([
      { type: "answer", id: 1 },
      { type: "commit", id: 2 },
    ]);
  });

  it("commits a push only after an earlier one of which an edit may count as later than its clock says", () => {
    const own = record("a", "2026-11-22T09:41:02.581Z-phone-000006");
    const ofAnother = record("a", "2026-11-22T09:41:02.581Z-kitchen-phone-000006");
    const heal = { ...record("a"), heal: {} };
    const begun = (earlier: PushedChange) => types(live().take(push(1, earlier), push(2, "b")));
    expect(begun(own)).toEqual(["commit", "commit"]);
    expect(begun(ofAnother)).toEqual(["commit"]);
    expect(begun(heal)).toEqual(["commit"]);
    expect(types(live().take(push(1, "b"), push(2, ofAnother)))).toEqual(["commit", "commit"]);
  });

  it("refuses a third unanswered push, and numbers that do not grow", () => {
    const script = live();
    expect(types(script.take(push(1, "a"), push(2, "b"), push(3, "c")))).toContain("fail");
    expect(types(live().take(push(2, "a"), push(2, "b")))).toContain("fail");
  });

  it("lets echoes of its own pushes come together when the log is at rest, but does not let them wait for ever", () => {
    const script = live();
    script.take(push(1, "a"));
    expect(types(script.take({ type: "log-advanced", headSeq: 11, news: "own" }))).toEqual(["wake"]);
    expect(types(script.after(SECOND).take({ type: "tick" }))).toEqual(["read"]);

    const patient = live();
    patient.take(push(1, "a"), { type: "log-advanced", headSeq: 11, news: "own" }, { type: "push-settled", id: 1 });
    expect(types(patient.take({ type: "answer-taken", id: 1 }))).toEqual(["wake"]);
    expect(types(patient.take({ type: "settled", headSeq: 11 }))).toEqual(["read"]);

    const late = live();
    late.take(push(1, "a"), { type: "log-advanced", headSeq: 11, news: "own" }, { type: "push-settled", id: 1 });
    expect(types(late.take({ type: "settled", headSeq: 11 }))).toEqual(["wake"]);
    expect(types(late.take({ type: "answer-taken", id: 1 }))).toEqual(["read"]);
  });

  it("reads what may be somebody else's at once, but waits for its answers before it costs a read of the log", () => {
    const script = live();
    script.take(push(1, "a"), { type: "log-advanced", headSeq: 11, news: "own" });
    expect(types(script.take({ type: "log-advanced", headSeq: 12, news: "others" }))).toEqual(["read"]);

    const unsure = live();
    unsure.take(push(1, "a"));
    expect(types(unsure.take({ type: "log-advanced", headSeq: 1_010, news: "unknown" }))).toEqual(["wake"]);
    unsure.take({ type: "push-settled", id: 1 });
    expect(types(unsure.take({ type: "answer-taken", id: 1 }))).toEqual(["read"]);
  });
});

describe("ending", () => {
  it("answers what it has begun before it drains", () => {
    const script = live();
    script.take(push(1, "a"));
    expect(script.take({ type: "leave", reason: "drain" })).toEqual([]);
    script.take(push(2, "b"), { type: "push-settled", id: 1 });
    expect(script.take({ type: "answer-taken", id: 1 })).toEqual([{ type: "close", reason: "drain" }]);
  });

  it("ends at once when it is superseded, forgotten, or the log was renewed", () => {
    for (const reason of ["superseded", "forgotten", "epoch-changed"] as const) {
      const script = live();
      script.take(push(1, "a"));
      expect(script.take({ type: "leave", reason })).toEqual([{ type: "close", reason }]);
      expect(script.take({ type: "push-settled", id: 1 }, { type: "tick" })).toEqual([]);
    }
  });

  it("ends when the token does, unless a fresh one came", () => {
    const script = live();
    script.take({ type: "token", endsUs: START + 30 * SECOND });
    expect(types(script.after(20 * SECOND).take({ type: "tick" }))).toEqual(["heartbeat"]);
    expect(script.after(10 * SECOND).take({ type: "tick" })).toEqual([{ type: "close", reason: "token-expired" }]);
  });

  it("beats every 15 s, and closes after 45 s of silence", () => {
    const script = live();
    expect(types(script.after(14 * SECOND).take({ type: "tick" }))).toEqual([]);
    expect(types(script.after(1 * SECOND).take({ type: "tick" }))).toEqual(["heartbeat"]);
    expect(script.after(30 * SECOND).take({ type: "tick" })).toEqual([{ type: "close", reason: "silent" }]);
  });

  it("closes on a device that takes nothing for 45 s, even if it goes on talking", () => {
    const script = live();
    script.take({ type: "log-advanced", headSeq: 11, news: "others" }, page(11));
    script.after(45 * SECOND).take({ type: "heard" });
    expect(script.take({ type: "tick" })).toEqual([{ type: "close", reason: "overloaded" }]);
  });

  it("closes without a word when the device has said its last and everything is answered", () => {
    expect(live().take({ type: "device-ended" })).toEqual([{ type: "close", reason: undefined }]);
  });
});

describe("whatever the schedule", () => {
  it("gives every seq once, in order, within the credit, and ends up to date", () => {
    const moves = fc.array(fc.constantFrom("commit", "read", "take", "ack", "settle", "fail"), { maxLength: 200 });
    fc.assert(
      fc.property(moves, fc.integer({ min: 1, max: 7 }), (schedule, pageSize) => {
        const world = new World(pageSize);
        for (const move of schedule) world.move(move);
        for (let round = 0; round < 500; round += 1)
          for (const move of ["read", "take", "ack", "settle"]) world.move(move);
        expect(world.received).toEqual(Array.from({ length: world.headSeq }, (_, index) => index + 1));
        expect(world.script.state.toldSeq).toBe(world.headSeq);
      }),
    );
  });
});

/** A log, a transport and a device around one session; every move may come at any time. */
class World {
  readonly script = new Script();
  readonly received: number[] = [];
  headSeq = 0;
  #wantedAfter: number | undefined;
  #page: { readonly from: number; readonly through: number } | undefined;
  #inTransport: { readonly frameId: number; readonly seqs: number[] } | undefined;
  #taken = { frameId: 0, seq: 0 };
  readonly #pageSize: number;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
    this.#run({ type: "heard" });
  }

  move(move: string): void {
    this.script.after(SECOND / 10);
    if (move === "commit") {
      this.headSeq += 1;
      this.#run({ type: "log-advanced", headSeq: this.headSeq, news: NEWS[this.headSeq % 3] ?? "unknown" });
    } else if (move === "read" && this.#wantedAfter !== undefined) {
      const from = this.#wantedAfter;
      const through = Math.min(this.headSeq, from + this.#pageSize);
      this.#wantedAfter = undefined;
      this.#page = { from, through };
      this.#run(page(through, through - from, this.headSeq));
    } else if (move === "fail" && this.#wantedAfter !== undefined) {
      this.#wantedAfter = undefined;
      this.#run({ type: "read-failed" });
    } else if (move === "take" && this.#inTransport !== undefined) {
      const { frameId, seqs } = this.#inTransport;
      this.#inTransport = undefined;
      this.received.push(...seqs);
      this.#taken = { frameId, seq: this.received.at(-1) ?? 0 };
      this.#run({ type: "frame-taken" });
    } else if (move === "ack") {
      this.#run({ type: "ack", ...this.#taken });
    } else if (move === "settle") {
      this.#run({ type: "tick" }, { type: "settled", headSeq: this.headSeq });
    }
  }

  #run(...events: SessionEvent[]): void {
    for (const effect of this.script.take(...events)) {
      if (effect.type === "read") this.#wantedAfter = effect.afterSeq;
      if (effect.type === "send-page") this.#send(effect.frameId);
    }
    expect(this.script.state.unackedFrames.length).toBeLessThanOrEqual(CREDIT_FRAMES);
  }

  #send(frameId: number): void {
    expect(this.#inTransport, "one frame at a time").toBeUndefined();
    const { from, through } = this.#page ?? { from: 0, through: 0 };
    this.#inTransport = { frameId, seqs: Array.from({ length: through - from }, (_, index) => from + index + 1) };
  }
}
