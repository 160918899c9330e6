import { readFileSync } from "node:fs";
import { unauthenticated } from "@funkygibbon/kernel/errors";
import { describe, expect, it } from "vitest";
import { type ContactEffect, type ContactState, NO_CONTACT, stepContact } from "./contact-step.ts";
import type { SessionEnd } from "./session-end.ts";

const NOW_US = 1_000_000_000_000;
const LOST: SessionEnd = { kind: "lost", error: undefined, afterMs: undefined };
const EXPIRED = { kind: "token-expired", error: undefined } as const;
const MISMATCH: SessionEnd = { kind: "digest-mismatch" };
const SUPERSEDED: SessionEnd = { kind: "stopped", reason: "superseded", error: undefined };

/** Each way to end. A new one does not compile until it is here, and then wants its row in the document. */
const ENDS: { readonly [Kind in SessionEnd["kind"]]: readonly Extract<SessionEnd, { kind: Kind }>[] } = {
  lost: [{ kind: "lost", error: unauthenticated("no token"), afterMs: 5_000 }],
  "token-expired": [EXPIRED, { kind: "token-expired", error: unauthenticated("the token has expired") }],
  "epoch-changed": [{ kind: "epoch-changed" }],
  "digest-mismatch": [{ kind: "digest-mismatch" }],
  forked: [
    { kind: "forked", refused: false },
    { kind: "forked", refused: true },
  ],
  stopped: (["superseded", "forgotten", "household-changed", "refused"] as const).map((reason) => ({
    kind: "stopped",
    reason,
    error: undefined,
  })),
};

function after(ends: readonly SessionEnd[], state: ContactState = NO_CONTACT) {
  let step: { readonly state: ContactState; readonly effects: readonly ContactEffect[] } = { state, effects: [] };
  for (const end of ends) step = stepContact(step.state, { type: "ended", end, nowUs: NOW_US });
  return step;
}

describe("a client whose session has ended", () => {
  it("comes back at once the first time, and then the later the more have failed, until one is live", () => {
    expect(after([EXPIRED]).effects).toEqual([{ type: "come-back", askedMs: 0, attempt: undefined }]);
    expect(after([EXPIRED, EXPIRED, EXPIRED]).effects).toEqual([{ type: "come-back", askedMs: 0, attempt: 2 }]);
    const live = stepContact(after([EXPIRED, EXPIRED]).state, { type: "live" }).state;
    expect(after([EXPIRED], live).effects).toEqual([{ type: "come-back", askedMs: 0, attempt: undefined }]);
  });

  it("spares a server that is away, no less than it asks for", () => {
    expect(after([LOST]).effects).toContainEqual({ type: "come-back", askedMs: 0, attempt: 0 });
    expect(after(ENDS.lost).effects).toContainEqual({ type: "come-back", askedMs: 5_000, attempt: 0 });
  });

  it("pulls a fresh base until it is live, and heals by it whatever else goes wrong", () => {
    expect(after([MISMATCH, LOST]).state.plan).toEqual({ kind: "fresh-base", heal: false });
    expect(after([MISMATCH, { kind: "epoch-changed" }]).state.plan).toEqual({ kind: "fresh-base", heal: true });
    const healing = after([{ kind: "epoch-changed" }, MISMATCH, LOST]).state;
    expect(healing.plan).toEqual({ kind: "fresh-base", heal: true });
    expect(stepContact(healing, { type: "live" }).state.plan).toEqual({ kind: "resume" });
  });

  it("takes a late hello of its own for what has superseded it once, and not after a minute", () => {
    const { state } = stepContact(NO_CONTACT, { type: "hello-given-up", nowUs: NOW_US - 59_000_000 });
    expect(after([SUPERSEDED], state).effects).toEqual([{ type: "come-back", askedMs: 0, attempt: 0 }]);
    expect(after([SUPERSEDED, SUPERSEDED], state).effects).toContainEqual({ type: "stop", reason: "superseded" });
    const long = stepContact(NO_CONTACT, { type: "hello-given-up", nowUs: NOW_US - 60_000_000 }).state;
    expect(after([SUPERSEDED], long).effects).toContainEqual({ type: "stop", reason: "superseded" });
  });
});

const document = readFileSync(new URL("../../../docs/protocol.md", import.meta.url), "utf8");
const [, table = ""] = document.split("\n| a session ended by | then |\n");
const rows = [...(table.split("\n\n")[0] ?? "").matchAll(/^\| `([^`]+)` .*\| (.*) \|$/gm)].map(
  ([, kind = "", cell = ""]) => ({ kind, says: [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name) }),
);

describe("the table of what comes after a session in docs/protocol.md, section 10", () => {
  it("has a row for every end", () => {
    expect(rows.map(({ kind }) => kind).sort()).toEqual(Object.keys(ENDS).sort());
  });

  it.each(rows)("says of $kind what the client does", ({ kind, says }) => {
    const gaveUp = stepContact(NO_CONTACT, { type: "hello-given-up", nowUs: NOW_US }).state;
    const steps = ENDS[kind as SessionEnd["kind"]].flatMap((end) => [after([end]), after([end], gaveUp)]);
    const seen = new Set(steps.flatMap(({ effects }) => effects.map(({ type }): string => type)));
    expect([...new Set(says)].sort()).toEqual([...seen].sort());
  });
});
