import type { RecordId } from "@funkygibbon/kernel/ids";
import type { ChangeOutcome, Outcome } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { describe, expect, it } from "vitest";
import { footprintOf } from "./push-planning.ts";
import type { BaseRecord } from "./replica-record.ts";
import {
  beginSession,
  type SessionEffect,
  type SessionEvent,
  type SessionPlan,
  type SessionState,
} from "./session-state.ts";
import { stepSession } from "./session-step.ts";

const RENEWED: SessionPlan = { kind: "fresh-base", heal: true };
const MISMATCHED: SessionPlan = { kind: "fresh-base", heal: false };
const WELCOME: SessionEvent = { type: "welcome", mayPush: true, headSeq: 0 };

/** A session that is told one event after the other. */
class Session {
  state: SessionState;

  constructor(plan: SessionPlan = { kind: "resume" }, window: 1 | 2 = 2) {
    this.state = beginSession(plan, window);
    this.take(WELCOME);
  }

  /** @returns what is then to be done, leaving a name and acks aside. */
  take(event: SessionEvent): readonly SessionEffect[] {
    const { state, effects } = stepSession(this.state, event);
    this.state = state;
    return effects.filter(({ type }) => type !== "leave-name" && type !== "ack");
  }

  types(event: SessionEvent): string[] {
    return this.take(event).map(({ type }) => type);
  }
}

function lostRecord(n: number): BaseRecord {
  return {
    record: `01930000-0000-7000-8000-00000000000${n}` as RecordId,
    version: `2026-11-22T09:41:02.581Z-ada-00000${n}` as VersionId,
    parents: [],
    content: { kind: "entity", type: "note", source: "manual", bodyJson: "{}" },
    deleted: false,
    seq: n,
    author: "ada",
    device: "ada",
    sequence: n,
    stamps: [],
    claimedUs: 0,
    effectiveUs: 0,
  };
}

function taken(n: number): SessionEvent {
  return { type: "taken", footprint: footprintOf([lostRecord(n)]) };
}

function upToDate(headSeq: number, lost: readonly (readonly BaseRecord[])[] = []): SessionEvent {
  return { type: "up-to-date", position: { headSeq, cursor: "c", vectorClock: {} }, addsUp: true, lost };
}

function answer(headSeq: number, outcome: Outcome = "applied"): SessionEvent {
  const one: ChangeOutcome = { record: "", version: "", outcome, headSeq, duplicate: false, rejection: undefined };
  return { type: "answer", outcomes: [one], headSeq, renamed: [] };
}

const HANDED: SessionEvent = { type: "handed" };
const NONE: SessionEvent = { type: "taken", footprint: undefined };

describe("pushes", () => {
  it("go one after the other to the transport, and no further than the window", () => {
    const session = new Session();
    expect(session.take(taken(1))).toEqual([]);
    expect(session.take(HANDED)).toEqual([{ type: "take-edits", unanswered: [footprintOf([lostRecord(1)])] }]);
    session.take(taken(2));
    expect(session.types(HANDED)).toEqual([]);
    expect(session.types(answer(1))).toEqual(["take-edits"]);
  });

  it("look again for an edit that was made while they looked, and else wait for one", () => {
    const session = new Session();
    session.take({ type: "wake" });
    expect(session.types(NONE)).toEqual(["take-edits"]);
    expect(session.types(NONE)).toEqual([]);
    expect(session.types({ type: "wake" })).toEqual(["take-edits"]);
  });

  it("rest after a race and after a refusal, each time with one more trouble, until one goes well", () => {
    const session = new Session();
    session.take(taken(1));
    session.take(HANDED);
    session.take(NONE);
    expect(session.take(answer(0, "retry"))).toEqual([{ type: "rest", cause: "race", askedMs: 0, troubles: 0 }]);
    expect(session.types({ type: "wake" })).toEqual([]);
    expect(session.types({ type: "rested" })).toEqual(["take-edits"]);
    session.take(taken(1));
    session.take(HANDED);
    expect(session.take({ type: "refusal", reason: "UNAVAILABLE", retryAfterMs: 700 })).toEqual([
      { type: "rest", cause: "refusal", askedMs: 700, troubles: 1 },
    ]);
    session.take({ type: "rested" });
    session.take(taken(1));
    session.take(answer(1));
    expect(session.state.troubles).toBe(0);
  });

  it("end for good when the server will never take them", () => {
    const session = new Session();
    session.take(taken(1));
    session.take(HANDED);
    session.take({ type: "refusal", reason: "READ_ONLY_ROLE", retryAfterMs: undefined });
    session.take(NONE);
    expect(session.types({ type: "wake" })).toEqual([]);
  });
});

describe("after a renewal of the log", () => {
  it("what it has lost is sent push by push, and edits only when all of that is answered", () => {
    const session = new Session(RENEWED);
    expect(session.types({ type: "wake" })).toEqual([]);
    const [first, second] = [[lostRecord(1)], [lostRecord(2)]];
    expect(session.take(upToDate(3, [first, second]))).toEqual([{ type: "send-heal", id: 1, heals: first }]);
    expect(session.types(HANDED)).toEqual([]);
    expect(session.take(answer(4))).toEqual([{ type: "send-heal", id: 2, heals: second }]);
    session.take(HANDED);
    expect(session.types(answer(5))).toEqual(["take-edits"]);
    expect(session.state.phase.name).toBe("rejoining");
  });

  it("the replicas are swapped when the second one holds all that was answered", () => {
    const session = new Session(RENEWED);
    session.take(upToDate(3, [[lostRecord(1)]]));
    session.take(HANDED);
    session.take(answer(4));
    session.take(NONE);
    expect(session.types(upToDate(3))).toEqual(["take-edits"]);
    session.take(NONE);
    expect(session.take(upToDate(4))).toContainEqual(expect.objectContaining({ type: "swap", ifDrained: true }));
    session.take({ type: "swapped" });
    expect(session.state.phase).toEqual({ name: "following", toldSeq: 4 });
  });

  it("what it has lost is kept by whoever may not bring it back any more, and the new log is seen", () => {
    const session = new Session(RENEWED);
    const [first, second] = [lostRecord(1), lostRecord(2)];
    session.take(upToDate(3, [[first], [second]]));
    session.take(HANDED);
    const refusal: SessionEvent = { type: "refusal", reason: "READ_ONLY_ROLE", retryAfterMs: undefined };
    expect(session.take(refusal)).toContainEqual({
      type: "swap",
      position: { headSeq: 3, cursor: "c", vectorClock: {} },
      refused: [first, second],
      ifDrained: false,
    });
  });

  it("a lost edge whose ends never come back is given up in the end, with its content kept", () => {
    const session = new Session(RENEWED);
    const edge = [lostRecord(1)];
    session.take(upToDate(3, [edge]));
    for (let attempt = 0; attempt < 7; attempt += 1) {
      expect(session.state.refused).toEqual([]);
      session.take(HANDED);
      session.take(answer(3, "deferred"));
      session.take({ type: "rested" });
    }
    expect(session.state.refused).toEqual(edge);
    expect(session.state.phase.name).toBe("rejoining");
  });
});

it("a base that does not add up is pulled again beside the edits, which go on", () => {
  const session = new Session(MISMATCHED);
  expect(session.state.phase.name).toBe("staging");
  session.take(taken(1));
  session.take(HANDED);
  session.take(NONE);
  expect(session.take(upToDate(3))).toContainEqual(expect.objectContaining({ type: "swap", ifDrained: false }));
});
