import type { Micros } from "@funkygibbon/kernel/clock";
import type { DomainError } from "@funkygibbon/kernel/errors";
import { assertNever } from "@funkygibbon/kernel/must";
import type { SessionEnd } from "./session-end.ts";
import type { SessionPlan } from "./session-state.ts";
import type { StopReason } from "./sync-state.ts";

/** What a client remembers from one session to the next. */
export interface ContactState {
  /** How the next session begins. */
  readonly plan: SessionPlan;
  /** Sessions that have ended since the client was last up to date. */
  readonly attempts: number;
  /** When a hello was last given up before its welcome had come. */
  readonly gaveUpHelloUs: Micros;
}

/** What happens to a client that wants to stay in contact. */
export type ContactEvent =
  /** It is asked to connect. */
  | { readonly type: "started" }
  /** The session holds everything up to the newest seq. */
  | { readonly type: "live" }
  /** A session ended before its welcome; the server may still read the hello. */
  | { readonly type: "hello-given-up"; readonly nowUs: Micros }
  | { readonly type: "ended"; readonly end: SessionEnd; readonly nowUs: Micros };

/** What a client then does, in this order. */
export type ContactEffect =
  /** The user is told why the session ended; undefined: for no bad reason. */
  | { readonly type: "show"; readonly error: DomainError | undefined }
  /** Take a new device id, and with it everything that is pending. */
  | { readonly type: "abandon-name" }
  /** Open the next session: no sooner than the server asks, and the later the more have failed; undefined: none has. */
  | { readonly type: "come-back"; readonly askedMs: number; readonly attempt: number | undefined }
  /** Never come back until asked to. */
  | { readonly type: "stop"; readonly reason: StopReason };

/** What follows an event. */
export interface ContactStep {
  readonly state: ContactState;
  readonly effects: readonly ContactEffect[];
}

const RESUME: SessionPlan = { kind: "resume" };
/** A hello that nobody waits for any more may still be read for this long. */
const LATE_HELLO_US = 60_000_000;

/** A client that has never been in contact. */
export const NO_CONTACT: ContactState = {
  plan: RESUME,
  attempts: 0,
  gaveUpHelloUs: Number.NEGATIVE_INFINITY,
};

/** What comes after a session, as a function of state and event; docs/protocol.md, section 10, has it as a table. */
export function stepContact(state: ContactState, event: ContactEvent): ContactStep {
  switch (event.type) {
    case "started":
      return { state: { ...state, attempts: 0 }, effects: [] };
    case "live":
      return { state: { ...state, attempts: 0, plan: RESUME }, effects: [] };
    case "hello-given-up":
      return { state: { ...state, gaveUpHelloUs: event.nowUs }, effects: [] };
    case "ended":
      return afterEnd(state, event.end, event.nowUs);
    default:
      return assertNever(event, "contact event");
  }
}

function afterEnd(state: ContactState, end: SessionEnd, nowUs: Micros): ContactStep {
  switch (end.kind) {
    case "lost":
      return comeBackLater(state, end.afterMs, [{ type: "show", error: end.error }]);
    case "token-expired":
      return comeBack(state, end.error === undefined ? [] : [{ type: "show", error: end.error }]);
    case "epoch-changed":
      return comeBack({ ...state, plan: { kind: "fresh-base", heal: true } });
    case "digest-mismatch":
      // One that is pulled to heal stays so: what the log has lost is still to be brought back.
      return comeBack(state.plan.kind === "resume" ? { ...state, plan: { kind: "fresh-base", heal: false } } : state);
    case "forked":
      return comeBack(state, end.refused ? [{ type: "abandon-name" }] : []);
    case "stopped": {
      const isOwnHello = end.reason === "superseded" && isLate(state.gaveUpHelloUs, nowUs);
      // A hello of this client that was read late looks like a newer session; it does so once.
      if (isOwnHello) return comeBackLater({ ...state, gaveUpHelloUs: Number.NEGATIVE_INFINITY });
      const { error, reason } = end;
      return {
        state,
        effects: [
          { type: "show", error },
          { type: "stop", reason },
        ],
      };
    }
    default:
      return assertNever(end, "session end");
  }
}

/** At once the first time, and then later and later. */
function comeBack(state: ContactState, first: readonly ContactEffect[] = []): ContactStep {
  const attempt = state.attempts === 0 ? undefined : state.attempts;
  return {
    state: { ...state, attempts: state.attempts + 1 },
    effects: [...first, { type: "come-back", askedMs: 0, attempt }],
  };
}

function comeBackLater(state: ContactState, askedMs = 0, first: readonly ContactEffect[] = []): ContactStep {
  return {
    state: { ...state, attempts: state.attempts + 1 },
    effects: [...first, { type: "come-back", askedMs, attempt: state.attempts }],
  };
}

function isLate(gaveUpHelloUs: Micros, nowUs: Micros): boolean {
  return nowUs >= gaveUpHelloUs && nowUs - gaveUpHelloUs < LATE_HELLO_US;
}
