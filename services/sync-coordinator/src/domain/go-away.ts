/** Why the server ends a session. */
export type GoAwayReason =
  | "drain"
  | "superseded"
  | "forked"
  | "overloaded"
  | "token-expired"
  | "epoch-changed"
  | "household-changed"
  | "silent"
  | "forgotten";

/** What the device is told. */
export interface GoAwayTerms {
  /** When to come back by itself, in milliseconds; undefined: not by itself. */
  readonly reconnectAfterMs: number | undefined;
  /** A sentence for a person. */
  readonly message: string;
}

interface Terms {
  /** The device waits between these, so that a crowd does not come back at once. Absent: it does not come back. */
  readonly reconnectMs?: readonly [least: number, most: number];
  readonly message: string;
}

const TERMS: Readonly<Record<GoAwayReason, Terms>> = {
  drain: { reconnectMs: [50, 2_000], message: "This server is about to stop; another one answers." },
  superseded: { message: "A newer session of this device has begun." },
  forked: { reconnectMs: [0, 500], message: "Another copy of this device is in use; take a new id." },
  overloaded: { reconnectMs: [2_000, 10_000], message: "There is too much to do at the moment." },
  "token-expired": { reconnectMs: [0, 500], message: "The token has expired; come back with a fresh one." },
  "epoch-changed": { reconnectMs: [0, 1_000], message: "The household's log has been renewed; heal it." },
  "household-changed": { message: "This belongs to another household than the session's." },
  silent: { reconnectMs: [0, 1_000], message: "Nothing was heard from this device for too long." },
  forgotten: { message: "An owner has unbound this device." },
};

/** The terms of leaving, jittered. @param random from 0 to 1, as Math.random. */
export function goAwayTerms(reason: GoAwayReason, random: () => number): GoAwayTerms {
  const { reconnectMs, message } = TERMS[reason];
  if (reconnectMs === undefined) return { reconnectAfterMs: undefined, message };
  const [least, most] = reconnectMs;
  return { reconnectAfterMs: Math.round(least + random() * (most - least)), message };
}
