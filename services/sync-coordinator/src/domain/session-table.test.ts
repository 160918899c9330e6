import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { footprintOf } from "./pushed-change.ts";
import { beginSession, NEWS, type SessionEvent, type SessionPhase, type SessionState } from "./session-state.ts";
import { stepSession } from "./session-step.ts";

type Phase = SessionPhase["name"];
type EventOf<Type extends SessionEvent["type"]> = Extract<SessionEvent, { type: Type }>;

/** Chooses a whole number below `end`. */
type Dice = (end: number) => number;

const SECOND_US = 1_000_000;
const START_US = 1_000 * SECOND_US;

/**
 * Makes each event as it may happen in a state; undefined where it cannot. An event that is new does not compile until it
 * is here, and then wants its row in the document.
 */
const EVENTS: {
  readonly [Type in SessionEvent["type"]]: (state: SessionState, dice: Dice) => EventOf<Type> | undefined;
} = {
  "log-advanced": ({ headSeq }, dice) => ({
    type: "log-advanced",
    headSeq: headSeq + dice(3),
    news: NEWS[dice(3)] ?? "unknown",
  }),
  "page-read": ({ reading, readSeq, headSeq }, dice) => {
    if (!reading) return undefined;
    const throughSeq = Math.min(headSeq, readSeq + 1 + dice(3));
    return { type: "page-read", page: { throughSeq, records: dice(2), snapshotSeq: headSeq } };
  },
  "read-failed": ({ reading }) => (reading ? { type: "read-failed" } : undefined),
  "frame-taken": ({ sendingSinceUs }) => (sendingSinceUs === undefined ? undefined : { type: "frame-taken" }),
  settled: ({ headSeq }) => ({ type: "settled", headSeq }),
  push: ({ lastPushId }, dice) => {
    const recordId = dice(2) === 0 ? "a" : "b";
    const record = { recordId, version: "", parentVersions: [], content: { case: undefined } as const };
    return { type: "push", id: lastPushId + (dice(8) === 0 ? 0 : 1), footprint: footprintOf([record]) };
  },
  "push-settled": ({ pushes }) => {
    const push = pushes.find(({ stage }) => stage === "committing");
    return push && { type: "push-settled", id: push.id };
  },
  "answer-taken": ({ pushes }) => {
    const push = pushes.find(({ stage }) => stage === "answering");
    return push && { type: "answer-taken", id: push.id };
  },
  ack: ({ lastFrameId, sentSeq }, dice) => ({
    type: "ack",
    frameId: lastFrameId + (dice(20) === 0 ? 1 : 0),
    seq: sentSeq + (dice(20) === 0 ? 1 : 0),
  }),
  heard: () => ({ type: "heard" }),
  token: (_state, dice) => ({ type: "token", endsUs: (dice(2) === 0 ? 1 : 10) * START_US }),
  tick: () => ({ type: "tick" }),
  "device-ended": () => ({ type: "device-ended" }),
  leave: (_state, dice) => ({ type: "leave", reason: dice(2) === 0 ? "drain" : "superseded" }),
};
const EVENT_TYPES = Object.keys(EVENTS) as SessionEvent["type"][];

/** What was seen to follow an event in a phase: effects, and phases that were entered. */
const seen = new Map<string, Set<string>>();

function take(state: SessionState, event: SessionEvent, nowUs: number): SessionState {
  const key = `${event.type} ${state.phase.name}`;
  const followed = seen.get(key) ?? new Set();
  seen.set(key, followed);
  const step = stepSession(state, event, nowUs);
  for (const { type } of step.effects) followed.add(type);
  if (step.state.phase.name !== state.phase.name) followed.add(`→ ${step.state.phase.name}`);
  if (state.phase.name === "closed") expect(step).toEqual({ state, effects: [] });
  return step.state;
}

/** Walks at random through everything that may happen to a session. */
beforeAll(() => {
  const dice = fc.infiniteStream(fc.nat(0xffff));
  fc.assert(
    fc.property(dice, fc.constantFrom("credit", "transport"), (numbers, pacing) => {
      const roll: Dice = (end) => Number(numbers.next().value) % end;
      let nowUs = START_US;
      let state = beginSession({
        pacing,
        cursorSeq: 0,
        snapshotSeq: 0,
        headSeq: roll(5),
        nowUs,
        tokenEndsUs: 10 * START_US,
      });
      for (let moves = 0; moves < 150; moves += 1) {
        // The ends of a session are rare, so that it gets old.
        const types =
          roll(12) === 0 ? EVENT_TYPES : EVENT_TYPES.filter((type) => !["device-ended", "leave"].includes(type));
        const event = EVENTS[types[roll(types.length)] ?? "tick"](state, roll);
        nowUs += [0, SECOND_US / 10, SECOND_US, 6 * SECOND_US, 16 * SECOND_US][roll(5)] ?? 0;
        if (event !== undefined) state = take(state, event, nowUs);
      }
    }),
    { numRuns: 1_000, seed: 1 },
  );
});

const document = readFileSync(new URL("../../../../docs/protocol.md", import.meta.url), "utf8");
const [, table = ""] = document.split("\n| event | open | finishing |\n");
const rows = [...(table.split("\n\n")[0] ?? "").matchAll(/^\| `([^`]+)` [^|]*\|([^|]*)\|([^|]*)\|$/gm)].map(
  ([, event = "", open, finishing]) => ({ event, open: named(open), finishing: named(finishing) }),
);

/** The effects and phases that a cell names, in backticks. */
function named(cell = ""): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name).sort();
}

/** What follows every event of an open session is said once above the table. */
function observed(type: SessionEvent["type"], phase: Phase): string[] {
  const always = phase === "open" ? ["read", "wake"] : [];
  return [...(seen.get(`${type} ${phase}`) ?? ["never happened"])].filter((name) => !always.includes(name)).sort();
}

describe("the table of phases and events in docs/protocol.md, section 10", () => {
  it("has a row for every event", () => {
    expect(rows.map(({ event }) => event).sort()).toEqual(EVENT_TYPES.toSorted());
  });

  it.each(rows)("says of $event what the machine does", ({ event, open, finishing }) => {
    const type = event as SessionEvent["type"];
    expect({ open, finishing }).toEqual({ open: observed(type, "open"), finishing: observed(type, "finishing") });
  });

  it("leaves out the closed session because nothing counts for it any more", () => {
    for (const type of EVENT_TYPES) expect(observed(type, "closed")).toEqual([]);
  });
});
