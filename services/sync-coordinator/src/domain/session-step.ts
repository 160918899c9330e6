import type { Micros } from "@funkygibbon/kernel/clock";
import { assertNever } from "@funkygibbon/kernel/must";
import type { GoAwayReason } from "./go-away.ts";
import { answerable, committable, withStage } from "./open-pushes.ts";
import {
  CREDIT_FRAMES,
  ECHO_DELAY_US,
  FINISHING_US,
  HEARTBEAT_US,
  MAX_OPEN_PUSHES,
  type News,
  type OpenPush,
  type PageFacts,
  type SessionEffect,
  type SessionEvent,
  type SessionPhase,
  type SessionState,
  SILENCE_US,
} from "./session-state.ts";

/** A session after an event, and what is to be done about it. */
export interface Step {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/** How long to wait before the log is read again after it could not be. */
const READ_AGAIN_US = 500_000;

/**
 * The session, pull and push state machine: a function of state, event and time. docs/protocol.md, section 10, has it
 * as a table of phases and events. Everything that waits (transport, log, store) is an event here, so that it can be
 * simulated.
 */
export function stepSession(state: SessionState, event: SessionEvent, nowUs: Micros): Step {
  const step = new StepInMaking(state, nowUs);
  switch (state.phase.name) {
    case "open":
      step.whileOpen(event);
      break;
    case "finishing":
      step.whileFinishing(event, state.phase);
      break;
    case "closed":
      return { state, effects: [] };
    default:
      assertNever(state.phase, "session phase");
  }
  step.goOn();
  return step.finish();
}

type Finishing = Extract<SessionPhase, { name: "finishing" }>;

/** Collects the changes of one step. Lives no longer than {@link stepSession}. */
class StepInMaking {
  #state: SessionState;
  readonly #nowUs: Micros;
  readonly #effects: SessionEffect[] = [];

  constructor(state: SessionState, nowUs: Micros) {
    this.#state = state;
    this.#nowUs = nowUs;
  }

  finish(): Step {
    return { state: this.#state, effects: this.#effects };
  }

  whileOpen(event: SessionEvent): void {
    switch (event.type) {
      case "log-advanced":
        this.#logAdvanced(event.headSeq, event.news);
        break;
      case "page-read":
        this.#pageRead(event.page);
        break;
      case "read-failed":
        this.#change({ reading: false, readNotBeforeUs: this.#nowUs + READ_AGAIN_US });
        break;
      case "frame-taken":
        this.#frameTaken();
        break;
      case "settled":
        this.#change({ settledSeq: event.headSeq });
        this.#letEchoesCome();
        break;
      case "push":
        this.#pushed({ id: event.id, footprint: event.footprint, stage: "waiting" });
        break;
      case "push-settled":
        this.#movePush(event.id, "settled");
        break;
      case "answer-taken":
        this.#answerTaken(event.id);
        break;
      case "ack":
        this.#acknowledged(event.frameId, event.seq);
        break;
      case "heard":
        this.#change({ heardUs: this.#nowUs });
        break;
      case "token":
        this.#change({ heardUs: this.#nowUs, tokenEndsUs: event.endsUs });
        break;
      case "tick":
        this.#ticked();
        break;
      case "device-ended":
        this.#finishWith(undefined);
        break;
      case "leave":
        if (event.reason === "drain") this.#finishWith("drain");
        else this.#close(event.reason);
        break;
      default:
        assertNever(event, "session event");
    }
  }

  /** Nothing is read, sent or begun any more; what was begun is answered, for a while. */
  whileFinishing(event: SessionEvent, { reason, sinceUs }: Finishing): void {
    switch (event.type) {
      case "push-settled":
        this.#movePush(event.id, "settled");
        break;
      case "answer-taken":
        this.#answerTaken(event.id);
        break;
      case "ack":
        this.#acknowledged(event.frameId, event.seq);
        break;
      case "tick":
        if (this.#nowUs - sinceUs >= FINISHING_US) this.#close(reason);
        break;
      case "leave":
        if (event.reason !== "drain") this.#close(event.reason);
        break;
      case "log-advanced":
      case "page-read":
      case "read-failed":
      case "frame-taken":
      case "settled":
      case "push":
      case "heard":
      case "token":
      case "device-ended":
        break;
      default:
        assertNever(event, "session event");
    }
  }

  /** Whatever the event was: what can go on now, goes on. */
  goOn(): void {
    if (this.#state.phase.name === "closed") return;
    this.#answerInOrder();
    this.#commitWhatMay();
    const { phase, pushes } = this.#state;
    if (phase.name === "finishing" && pushes.length === 0) this.#close(phase.reason);
    if (phase.name !== "open") return;
    this.#tellWhenSettled();
    this.#readOn();
  }

  #logAdvanced(headSeq: number, news: News): void {
    if (headSeq <= this.#state.headSeq) return;
    const { pushes, toldSeq, readNotBeforeUs } = this.#state;
    const isEcho = news === "own" || (news === "unknown" && pushes.length > 0);
    if (!isEcho || toldSeq < 0) {
      this.#change({ headSeq, news, readNotBeforeUs: 0 });
      return;
    }
    const delayed = readNotBeforeUs > this.#nowUs ? readNotBeforeUs : this.#nowUs + ECHO_DELAY_US;
    this.#change({ headSeq, news, readNotBeforeUs: delayed });
  }

  /** With nothing left to be answered, echoes wait for the log to come to rest, and what may be somebody else's does not. */
  #letEchoesCome(): void {
    const { pushes, news, settledSeq, headSeq } = this.#state;
    if (pushes.length > 0 || (news === "own" && settledSeq < headSeq)) return;
    this.#change({ readNotBeforeUs: 0 });
  }

  #pageRead(page: PageFacts): void {
    const { readSeq, snapshotSeq, headSeq } = this.#state;
    this.#change({
      reading: false,
      readSeq: Math.max(readSeq, page.throughSeq),
      snapshotSeq: Math.max(snapshotSeq, page.snapshotSeq),
      headSeq: Math.max(headSeq, page.throughSeq, page.snapshotSeq),
      ready: page,
    });
    this.#sendReady();
  }

  #frameTaken(): void {
    const unackedFrames = this.#state.pacing === "transport" ? [] : this.#state.unackedFrames;
    this.#change({ sendingSinceUs: undefined, unackedFrames });
    this.#sendReady();
  }

  #sendReady(): void {
    const { ready, sendingSinceUs, lastFrameId, unackedFrames, toldSeq, snapshotSeq } = this.#state;
    if (ready === undefined || sendingSinceUs !== undefined) return;
    this.#change({ ready: undefined, sentSeq: ready.throughSeq });
    if (ready.records > 0) {
      const frameId = lastFrameId + 1;
      this.#change({
        lastFrameId: frameId,
        unackedFrames: [...unackedFrames, frameId],
        sendingSinceUs: this.#nowUs,
        spokeUs: this.#nowUs,
      });
      this.#do({ type: "send-page", frameId, backlog: toldSeq < 0 });
    }
    // The digest is that of the page's own snapshot, and holds where no newer one has left anything out.
    if (toldSeq < 0 && ready.throughSeq >= snapshotSeq) this.#tellUpToDate();
  }

  /** Once live, one up_to_date for each time that the log comes to rest, when everything up to there has been sent. */
  #tellWhenSettled(): void {
    const { sentSeq, toldSeq, settledSeq, headSeq } = this.#state;
    if (toldSeq < 0 || toldSeq >= settledSeq) return;
    if (settledSeq === headSeq && sentSeq === headSeq) this.#tellUpToDate();
  }

  #tellUpToDate(): void {
    this.#change({ toldSeq: this.#state.sentSeq, spokeUs: this.#nowUs });
    this.#do({ type: "tell-up-to-date" });
  }

  #pushed(push: OpenPush): void {
    const { lastPushId, pushes } = this.#state;
    if (push.id <= lastPushId) {
      this.#fail("push_id", "must grow with every push of a session");
      return;
    }
    if (pushes.length >= MAX_OPEN_PUSHES) {
      this.#fail("push_id", `only ${MAX_OPEN_PUSHES} may be unanswered`);
      return;
    }
    this.#change({ lastPushId: push.id, pushes: [...pushes, push], heardUs: this.#nowUs });
  }

  #movePush(id: number, stage: OpenPush["stage"]): void {
    this.#change({ pushes: withStage(this.#state.pushes, id, stage) });
  }

  #answerTaken(id: number): void {
    this.#change({ pushes: this.#state.pushes.filter((push) => push.id !== id) });
    this.#letEchoesCome();
  }

  #answerInOrder(): void {
    for (const { id } of answerable(this.#state.pushes)) {
      this.#movePush(id, "answering");
      this.#change({ spokeUs: this.#nowUs });
      this.#do({ type: "answer", id });
    }
  }

  #commitWhatMay(): void {
    for (const { id } of committable(this.#state.pushes)) {
      this.#movePush(id, "committing");
      this.#do({ type: "commit", id });
    }
  }

  #acknowledged(frameId: number, seq: number): void {
    const { lastFrameId, sentSeq, unackedFrames, ackedSeq } = this.#state;
    if (frameId < 0 || frameId > lastFrameId) {
      this.#fail("ack.frame_id", "names a frame that was never sent");
      return;
    }
    if (seq > sentSeq) {
      this.#fail("ack.cursor", "is ahead of what was sent");
      return;
    }
    this.#change({
      heardUs: this.#nowUs,
      unackedFrames: unackedFrames.filter((unacked) => unacked > frameId),
      ackedSeq: Math.max(ackedSeq, seq),
    });
    if (seq > ackedSeq) this.#do({ type: "acknowledged", seq });
  }

  #ticked(): void {
    const { heardUs, spokeUs, sendingSinceUs, tokenEndsUs, pacing } = this.#state;
    const now = this.#nowUs;
    if (pacing === "credit" && now - heardUs >= SILENCE_US) {
      this.#close("silent");
      return;
    }
    if (sendingSinceUs !== undefined && now - sendingSinceUs >= SILENCE_US) {
      this.#close("overloaded");
      return;
    }
    if (now >= tokenEndsUs) {
      this.#finishWith("token-expired");
      return;
    }
    if (now - spokeUs < HEARTBEAT_US) return;
    this.#change({ spokeUs: now });
    this.#do({ type: "heartbeat" });
  }

  #readOn(): void {
    const { reading, ready, readSeq, headSeq, toldSeq, unackedFrames, readNotBeforeUs } = this.#state;
    if (reading || ready !== undefined) return;
    // A session that was never told anything reads even when nothing seems new: the answer is up_to_date with a digest.
    if (readSeq >= headSeq && toldSeq >= 0) return;
    if (unackedFrames.length >= CREDIT_FRAMES) return;
    if (readNotBeforeUs > this.#nowUs) {
      this.#do({ type: "wake", atUs: readNotBeforeUs });
      return;
    }
    this.#change({ reading: true, readNotBeforeUs: 0 });
    this.#do({ type: "read", afterSeq: readSeq });
  }

  #finishWith(reason: GoAwayReason | undefined): void {
    this.#change({ phase: { name: "finishing", reason, sinceUs: this.#nowUs }, ready: undefined });
  }

  #close(reason: GoAwayReason | undefined): void {
    this.#change({ phase: { name: "closed" } });
    this.#do({ type: "close", reason });
  }

  #fail(field: string, description: string): void {
    this.#change({ phase: { name: "closed" } });
    this.#do({ type: "fail", field, description });
  }

  #change(changes: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...changes };
  }

  #do(effect: SessionEffect): void {
    this.#effects.push(effect);
  }
}
