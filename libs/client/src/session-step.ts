import { assertNever } from "@funkygibbon/kernel/must";
import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import { footprintOf } from "./push-planning.ts";
import type { BaseRecord } from "./replica-record.ts";
import type { SessionEnd } from "./session-end.ts";
import type { EventOf, OpenPush, SessionEffect, SessionEvent, SessionState } from "./session-state.ts";

/** A session after an event, and what is to be done about it. */
export interface Step {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/** Refusals of a whole push that repeating does not change. */
const FINAL_REFUSALS = new Set(["PERMISSION_DENIED", "READ_ONLY_ROLE", "UNAUTHENTICATED", "INVALID_FIELD"]);
/** So often may nothing of a heal find its place before it is given up. */
const MAX_TROUBLES_OF_HEALS = 5;

/**
 * The device's session, pull and push state machine: a function of state and event. docs/protocol.md, section 10, has it as
 * a table. Whatever waits (disk, transport, time, the server) is an event.
 */
export function stepSession(state: SessionState, event: SessionEvent): Step {
  if (state.phase.name === "over") return { state, effects: [] };
  const step = new StepInMaking(state);
  step.take(event);
  step.goOn();
  return step.finish();
}

/** Collects the changes of one step. Lives no longer than {@link stepSession}. */
class StepInMaking {
  #state: SessionState;
  readonly #effects: SessionEffect[] = [];
  /** The log and the second replica may have come closer to each other. */
  #mayRejoin = false;

  constructor(state: SessionState) {
    this.#state = state;
  }

  finish(): Step {
    return { state: this.#state, effects: this.#effects };
  }

  take(event: SessionEvent): void {
    switch (event.type) {
      case "welcome":
        this.#welcomed(event);
        break;
      case "page":
        this.#pageStored(event);
        break;
      case "up-to-date":
        this.#upToDate(event);
        break;
      case "answer":
        this.#answered(event);
        break;
      case "refusal":
        this.#refused(event);
        break;
      case "taken":
        if (event.footprint === undefined) this.#change({ sending: false });
        else this.#pushed({ footprint: event.footprint, heals: [] });
        break;
      case "handed":
        this.#change({ sending: false });
        break;
      case "wake":
        this.#change({ wanted: true });
        break;
      case "rested":
        this.#change({ resting: false });
        break;
      case "swapped":
        this.#swapped();
        break;
      case "ended":
        this.#end(event.end);
        break;
      default:
        assertNever(event, "session event");
    }
  }

  /** Whatever the event was: what can go on now, goes on. */
  goOn(): void {
    const { phase } = this.#state;
    if (phase.name === "healing" && this.#isHealed()) {
      this.#change({ phase: { name: "rejoining", position: phase.position } });
      this.#mayRejoin = true;
    }
    this.#rejoin();
    this.#sendNext();
  }

  #welcomed({ mayPush, headSeq }: EventOf<"welcome">): void {
    const { plan } = this.#state;
    this.#change({
      phase: plan.kind === "resume" ? { name: "following", toldSeq: undefined } : { name: "staging" },
      mayPush,
      heals: mayPush && plan.kind === "fresh-base" && plan.heal,
      headSeq,
      wanted: true,
    });
    this.#do({ type: "leave-name" });
  }

  #pageStored({ frameId, cursor, headSeq, isWhole }: EventOf<"page">): void {
    if (!isWhole) {
      this.#end({ kind: "digest-mismatch" });
      return;
    }
    this.#change({ lastFrameId: frameId });
    this.#pulled(cursor, Math.max(headSeq, this.#state.headSeq));
  }

  #upToDate({ position, addsUp, lost }: EventOf<"up-to-date">): void {
    const { phase, heals } = this.#state;
    if (!addsUp) {
      this.#end({ kind: "digest-mismatch" });
      return;
    }
    switch (phase.name) {
      case "following":
        this.#change({ phase: { name: "following", toldSeq: position.headSeq } });
        break;
      case "staging":
        this.#change(
          heals ? { phase: { name: "healing", position }, lost } : { phase: { name: "rejoining", position } },
        );
        break;
      case "healing":
      case "rejoining":
        this.#change({ phase: { name: phase.name, position } });
        break;
      case "greeting":
      case "over":
        return;
      default:
        assertNever(phase, "session phase");
    }
    this.#mayRejoin = true;
    this.#pulled(position.cursor, position.headSeq);
  }

  /** Edges may have got the ends that they waited for. */
  #pulled(cursor: string, headSeq: number): void {
    this.#change({ headSeq, wanted: true });
    this.#do({ type: "ack", frameId: this.#state.lastFrameId, cursor });
    this.#leaveName();
  }

  #answered({ outcomes, headSeq, renamed }: EventOf<"answer">): void {
    const [push, ...unanswered] = this.#state.unanswered;
    if (push === undefined) return;
    this.#change({
      unanswered,
      headSeq: Math.max(headSeq, this.#state.headSeq),
      answeredSeq: Math.max(headSeq, this.#state.answeredSeq),
      wanted: true,
    });
    this.#healed(push.heals, outcomes, renamed);
    const isRacing = outcomes.some(({ outcome }) => outcome === "retry");
    const waitsForEnds = this.#state.lost.length > 0 && outcomes.every(({ outcome }) => outcome === "deferred");
    if (isRacing || waitsForEnds) this.#rest("race", 0);
    else this.#change({ troubles: 0 });
    this.#mayRejoin = true;
    this.#leaveName();
  }

  /** Ends may come later than their edges, so unfinished heals go round again behind the others. */
  #healed(heals: readonly BaseRecord[], outcomes: readonly ChangeOutcome[], renamed: readonly BaseRecord[]): void {
    if (heals.length === 0) return;
    const { lost, refused, troubles } = this.#state;
    const notYet = heals.filter((_heal, index) => ["retry", "deferred"].includes(outcomes[index]?.outcome ?? ""));
    const rejected = heals.filter((_heal, index) => {
      const { outcome, rejection } = outcomes[index] ?? {};
      return outcome === "rejected" && rejection?.reason !== "VERSION_REUSED";
    });
    const isStuck = notYet.length === heals.length && lost.length === 0 && troubles > MAX_TROUBLES_OF_HEALS;
    const again = [isStuck ? [] : notYet, renamed].filter((records) => records.length > 0);
    this.#change({ lost: [...lost, ...again], refused: [...refused, ...rejected, ...(isStuck ? notYet : [])] });
  }

  #refused({ reason, retryAfterMs }: EventOf<"refusal">): void {
    const [push, ...unanswered] = this.#state.unanswered;
    if (push === undefined) return;
    const { refused } = this.#state;
    const lost = push.heals.length > 0 ? [push.heals, ...this.#state.lost] : this.#state.lost;
    this.#change({ unanswered, wanted: true, lost });
    this.#mayRejoin = true;
    this.#leaveName();
    if (retryAfterMs === undefined && FINAL_REFUSALS.has(reason)) {
      this.#change({ mayPush: false, lost: [], refused: [...refused, ...lost.flat()] });
      this.#do({ type: "refuse-pushes", reason });
    } else this.#rest("refusal", retryAfterMs ?? 0);
  }

  #rest(cause: "race" | "refusal", askedMs: number): void {
    const { troubles } = this.#state;
    this.#change({ resting: true, troubles: troubles + 1 });
    this.#do({ type: "rest", cause, askedMs, troubles });
  }

  #swapped(): void {
    const { phase } = this.#state;
    if (phase.name !== "rejoining") return;
    this.#change({ phase: { name: "following", toldSeq: phase.position.headSeq }, refused: [] });
  }

  #isHealed(): boolean {
    const { lost, unanswered } = this.#state;
    return lost.length === 0 && !unanswered.some(({ heals }) => heals.length > 0);
  }

  /** The second replica holds all that was answered. After a renewal of the log it also has to wait for edits that were not. */
  #rejoin(): void {
    const { phase, answeredSeq, heals, mayPush, unanswered, refused } = this.#state;
    if (!this.#mayRejoin || phase.name !== "rejoining" || phase.position.headSeq < answeredSeq) return;
    const ifDrained = heals && mayPush;
    if (ifDrained && unanswered.length > 0) return;
    this.#do({ type: "swap", position: phase.position, refused, ifDrained });
  }

  /** Lost records first, one push at a time; then edits, as far as the window goes. */
  #sendNext(): void {
    const { mayPush, sending, resting, lost, unanswered, window, wanted } = this.#state;
    if (!mayPush || sending || resting) return;
    if (unanswered.length >= (this.#isHealed() ? window : 1)) return;
    const [heals, ...later] = lost;
    if (heals !== undefined) {
      this.#change({ lost: later, sending: true });
      this.#pushed({ footprint: footprintOf(heals), heals });
      this.#do({ type: "send-heal", id: this.#state.lastPushId, heals });
    } else if (wanted && this.#mayEditsGo()) {
      this.#change({ wanted: false, sending: true });
      this.#do({ type: "take-edits", unanswered: unanswered.map(({ footprint }) => footprint) });
    }
  }

  #mayEditsGo(): boolean {
    const { phase, heals } = this.#state;
    return phase.name === "following" || phase.name === "rejoining" || (phase.name === "staging" && !heals);
  }

  #pushed(push: Omit<OpenPush, "id">): void {
    const id = this.#state.lastPushId + 1;
    this.#change({ lastPushId: id, unanswered: [...this.#state.unanswered, { id, ...push }], wanted: true });
  }

  /** What is sent under a name has to be answered under it. */
  #leaveName(): void {
    if (this.#state.unanswered.length === 0) this.#do({ type: "leave-name" });
  }

  #end(end: SessionEnd): void {
    this.#change({ phase: { name: "over", end } });
    this.#do({ type: "close" });
  }

  #change(changes: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...changes };
  }

  #do(effect: SessionEffect): void {
    this.#effects.push(effect);
  }
}
