import { readFileSync } from "node:fs";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { footprintOf } from "./push-planning.ts";
import type { BaseRecord } from "./replica-record.ts";
import {
  beginSession,
  type EventOf,
  type SessionEffect,
  type SessionEvent,
  type SessionPhase,
  type SessionPlan,
  type SessionState,
} from "./session-state.ts";
import { stepSession } from "./session-step.ts";

type Phase = SessionPhase["name"];

/** Chooses a whole number below `end`. */
type Dice = (end: number) => number;

/** A session and what was asked of the world by it that has not come about yet. */
interface Walk {
  state: SessionState;
  readonly asked: Set<SessionEffect["type"]>;
}

const RECORD: BaseRecord = {
  record: "01930000-0000-7000-8000-00000000000a" as RecordId,
  version: "2026-11-22T09:41:02.581Z-ada-000001" as VersionId,
  parents: [],
  content: { kind: "entity", type: "note", source: "manual", bodyJson: "{}" },
  deleted: false,
  seq: 1,
  author: "ada",
  device: "ada",
  sequence: 1,
  stamps: [],
  claimedUs: 0,
  effectiveUs: 0,
};

/**
 * Makes each event as it may happen in a session; undefined where it cannot. An event that is new does not compile until
 * it is here, and then wants its row in the document.
 */
const EVENTS: {
  readonly [Type in SessionEvent["type"]]: (walk: Walk, dice: Dice) => EventOf<Type> | undefined;
} = {
  welcome: ({ state }, dice) =>
    state.phase.name === "greeting" ? { type: "welcome", mayPush: dice(5) > 0, headSeq: dice(3) } : undefined,
  page: ({ state }, dice) => {
    if (state.phase.name === "greeting") return undefined;
    const { lastFrameId, headSeq } = state;
    return { type: "page", frameId: lastFrameId + 1n, cursor: "c", headSeq: headSeq + dice(2), isWhole: dice(20) > 0 };
  },
  "up-to-date": ({ state }, dice) => {
    if (state.phase.name === "greeting") return undefined;
    const lost = state.phase.name === "staging" && state.heals ? Array.from({ length: dice(3) }, () => [RECORD]) : [];
    const position = { headSeq: state.headSeq, cursor: "c", vectorClock: {} };
    return { type: "up-to-date", position, addsUp: dice(20) > 0, lost };
  },
  answer: ({ state }, dice) => {
    const [push] = state.unanswered;
    if (push === undefined) return undefined;
    const outcome = (["applied", "applied", "retry", "deferred", "rejected"] as const)[dice(5)] ?? "applied";
    const reason = dice(2) === 0 ? "VERSION_REUSED" : "TOO_LARGE";
    const rejection = outcome === "rejected" ? { reason, field: "", message: "" } : undefined;
    const { record, version } = RECORD;
    const one: ChangeOutcome = { record, version, outcome, headSeq: 0, duplicate: false, rejection };
    const renamed = rejection?.reason === "VERSION_REUSED" ? push.heals : [];
    return { type: "answer", outcomes: [one], headSeq: state.headSeq + dice(2), renamed };
  },
  refusal: ({ state }, dice) =>
    state.unanswered.length === 0
      ? undefined
      : { type: "refusal", reason: dice(3) > 0 ? "UNAVAILABLE" : "PERMISSION_DENIED", retryAfterMs: undefined },
  taken: ({ asked }, dice) => {
    if (!asked.has("take-edits")) return undefined;
    return { type: "taken", footprint: dice(2) === 0 ? undefined : footprintOf([RECORD]) };
  },
  handed: ({ state, asked }) => (state.sending && !asked.has("take-edits") ? { type: "handed" } : undefined),
  wake: () => ({ type: "wake" }),
  rested: ({ state }) => (state.resting ? { type: "rested" } : undefined),
  swapped: ({ asked }) => (asked.has("swap") ? { type: "swapped" } : undefined),
  ended: () => ({ type: "ended", end: { kind: "token-expired", error: undefined } }),
};
const EVENT_TYPES = Object.keys(EVENTS) as SessionEvent["type"][];

/** What was seen to follow an event in a phase: effects, and phases that were entered. */
const seen = new Map<string, Set<string>>();

function take(walk: Walk, event: SessionEvent): void {
  const { state, asked } = walk;
  const key = `${event.type} ${state.phase.name}`;
  const followed = seen.get(key) ?? new Set();
  seen.set(key, followed);
  const step = stepSession(state, event);
  if (event.type === "taken") asked.delete("take-edits");
  if (event.type === "swapped") asked.delete("swap");
  for (const { type } of step.effects) {
    followed.add(type);
    asked.add(type);
  }
  if (step.state.phase.name !== state.phase.name) followed.add(`→ ${step.state.phase.name}`);
  if (state.phase.name === "over") expect(step).toEqual({ state, effects: [] });
  walk.state = step.state;
}

const PLANS: readonly SessionPlan[] = [
  { kind: "resume" },
  { kind: "fresh-base", heal: false },
  { kind: "fresh-base", heal: true },
];

/** Walks at random through everything that may happen to a session, and looks at what must always be so. */
beforeAll(() => {
  fc.assert(
    fc.property(
      fc.infiniteStream(fc.nat(0xffff)),
      fc.constantFrom(...PLANS),
      fc.constantFrom(1, 2),
      (rolls, plan, window) => {
        const dice: Dice = (end) => Number(rolls.next().value) % end;
        const walk: Walk = { state: beginSession(plan, window), asked: new Set() };
        for (let moves = 0; moves < 150; moves += 1) {
          // The end is rare, so that a session gets old.
          const types = dice(12) === 0 ? EVENT_TYPES : EVENT_TYPES.filter((type) => type !== "ended");
          const event = EVENTS[types[dice(types.length)] ?? "wake"](walk, dice);
          if (event !== undefined) take(walk, event);
          const { unanswered, phase } = walk.state;
          const heals = unanswered.filter((push) => push.heals.length > 0);
          expect(unanswered.length).toBeLessThanOrEqual(heals.length > 0 ? 1 : window);
          // What the log has lost comes before any edit, and nothing is sent by whoever may not.
          if (phase.name === "healing") expect(heals).toEqual(unanswered);
          if (phase.name === "greeting") expect(unanswered).toEqual([]);
        }
      },
    ),
    { numRuns: 500, seed: 1 },
  );
});

const PHASES = ["greeting", "following", "staging", "healing", "rejoining"] as const satisfies readonly Phase[];
const document = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
const [, table = ""] = document.split(`\n| event | ${PHASES.join(" | ")} |\n`);
const rows = [...(table.split("\n\n")[0] ?? "").matchAll(/^\| `([^`]+)` (.*) \|$/gm)].map(
  ([, event = "", rest = ""]) => {
    const [, ...cells] = rest.split("|");
    return { event, cells: cells.map((cell) => (cell.trim() === "" ? "cannot be" : named(cell))) };
  },
);

/** The effects and phases that a cell names, in backticks. */
function named(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name).sort();
}

/** What follows every event is said once above the table. */
function observed(type: SessionEvent["type"], phase: Phase): string[] | "cannot be" {
  const always = ["take-edits", "send-heal"];
  const followed = seen.get(`${type} ${phase}`);
  return followed === undefined ? "cannot be" : [...followed].filter((name) => !always.includes(name)).sort();
}

describe("the device's table of phases and events in docs/protocol.md, section 10", () => {
  it("has a row for every event", () => {
    expect(rows.map(({ event }) => event).sort()).toEqual(EVENT_TYPES.toSorted());
  });

  it.each(rows)("says of $event what the machine does", ({ event, cells }) => {
    const type = event as SessionEvent["type"];
    expect(cells).toEqual(PHASES.map((phase) => observed(type, phase)));
  });

  it("leaves out the session that is over because nothing counts for it any more", () => {
    for (const type of EVENT_TYPES) expect(["cannot be", []]).toContainEqual(observed(type, "over"));
  });
});
