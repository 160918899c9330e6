import { ENTITY_TYPES, type EntityType } from "@funkygibbon/kernel/entity-type";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { ConflictPolicy, Divergence, RecordVersion } from "@funkygibbon/kernel/record";
import { unknownStamp } from "@funkygibbon/kernel/stamp";
import { describe, expect, it } from "vitest";
import { buildVersion } from "../../test/build-version.ts";
import { HeadChain } from "../../test/head-chain.ts";
import { resolveDivergence } from "./resolve-divergence.ts";

/** What the record said when both went their own ways. */
const BASE: JsonObject = { brightness: 50, color: "red" };

/** What somebody did to it. The device's edits are the later ones. */
const EDITS = {
  "sets brightness to 70": { ...BASE, brightness: 70 },
  "sets brightness to 30": { ...BASE, brightness: 30 },
  "sets color to blue": { ...BASE, color: "blue" },
  "adds a note": { ...BASE, note: "by the window" },
  "removes brightness": { color: "red" },
  "clears it": {},
  "touches nothing": BASE,
  "deletes it": null,
} satisfies Record<string, JsonObject | null>;
type Edit = keyof typeof EDITS;

/** What decides: nothing in particular, the device's wish, the household's policy, or both. */
type Strategy =
  | "default"
  | "wish ACCEPT_LOCAL"
  | "wish ACCEPT_SERVER"
  | "wish MERGE"
  | "wish MANUAL"
  | "policy ACCEPT_LOCAL"
  | "policy ACCEPT_SERVER"
  | "policy MANUAL"
  | "policy MANUAL, wish ACCEPT_LOCAL"
  | "policy ACCEPT_SERVER, wish MERGE";

/** The record after it: what it says, or `deleted`. */
type After = JsonObject | "deleted";
/** What is recorded: `type decision keys`; a dash when nothing was lost. */
type Recorded = string;

const KEEPS_BOTH: JsonObject = { brightness: 70, color: "blue" };

// biome-ignore format: a table is read by its columns
const TABLE: readonly [device: Edit, head: Edit, by: Strategy, outcome: string, after: After, recorded: Recorded][] = [
  // Different keys: nothing is lost, so nothing is recorded.
  ["sets brightness to 70", "sets color to blue",    "default",            "MERGED",         KEEPS_BOTH,                    "-"],
  ["adds a note",           "sets color to blue",    "default",            "MERGED",         { ...BASE, color: "blue", note: "by the window" }, "-"],
  ["removes brightness",    "sets color to blue",    "default",            "MERGED",         { color: "blue" },             "-"],
  ["sets color to blue",    "removes brightness",    "default",            "MERGED",         { color: "blue" },             "-"],
  ["adds a note",           "clears it",             "default",            "MERGED",         { note: "by the window" },     "-"],

  // The same key: the later edit stands, the other is recorded.
  ["sets brightness to 70", "sets brightness to 30", "default",            "MERGED",         { ...BASE, brightness: 70 },   "content_conflict merged brightness"],
  ["sets brightness to 70", "removes brightness",    "default",            "MERGED",         { ...BASE, brightness: 70 },   "content_conflict merged brightness"],
  ["removes brightness",    "sets brightness to 30", "default",            "MERGED",         { color: "red" },              "content_conflict merged brightness"],
  ["clears it",             "sets brightness to 30", "default",            "MERGED",         {},                            "content_conflict merged brightness"],

  // The same edit twice, and an edit that changed nothing.
  ["sets color to blue",    "sets color to blue",    "default",            "MERGED",         { ...BASE, color: "blue" },    "-"],
  ["touches nothing",       "sets color to blue",    "default",            "SUPERSEDED",     { ...BASE, color: "blue" },    "-"],
  ["touches nothing",       "touches nothing",       "default",            "SUPERSEDED",     BASE,                          "-"],
  ["deletes it",            "deletes it",            "default",            "MERGED",         "deleted",                     "-"],

  // A delete stands above updates, whatever anybody wished; the lost edit is recorded.
  ["deletes it",            "sets color to blue",    "default",            "MERGED",         "deleted",                     "delete_update took_local color"],
  ["sets color to blue",    "deletes it",            "default",            "SUPERSEDED",     "deleted",                     "delete_update kept_server color"],
  ["sets color to blue",    "deletes it",            "wish ACCEPT_LOCAL",  "SUPERSEDED",     "deleted",                     "delete_update kept_server color"],
  ["sets color to blue",    "deletes it",            "policy MANUAL",      "SUPERSEDED",     "deleted",                     "delete_update kept_server color"],
  ["deletes it",            "sets color to blue",    "wish ACCEPT_SERVER", "MERGED",         "deleted",                     "delete_update took_local color"],
  ["deletes it",            "touches nothing",       "default",            "MERGED",         "deleted",                     "-"],

  // The device's side whole: what only the head had is lost and recorded.
  ["sets brightness to 70", "sets brightness to 30", "wish ACCEPT_LOCAL",  "MERGED",         { ...BASE, brightness: 70 },   "content_conflict took_local brightness"],
  ["sets brightness to 70", "sets color to blue",    "wish ACCEPT_LOCAL",  "MERGED",         { ...BASE, brightness: 70 },   "version_mismatch took_local color"],
  ["sets brightness to 70", "sets color to blue",    "policy ACCEPT_LOCAL", "MERGED",        { ...BASE, brightness: 70 },   "version_mismatch took_local color"],
  ["sets brightness to 70", "touches nothing",       "wish ACCEPT_LOCAL",  "MERGED",         { ...BASE, brightness: 70 },   "-"],

  // The head whole: what the device did is lost and recorded.
  ["sets brightness to 70", "sets brightness to 30", "wish ACCEPT_SERVER", "SUPERSEDED",     { ...BASE, brightness: 30 },   "content_conflict kept_server brightness"],
  ["sets brightness to 70", "sets color to blue",    "wish ACCEPT_SERVER", "SUPERSEDED",     { ...BASE, color: "blue" },    "version_mismatch kept_server brightness"],
  ["touches nothing",       "sets color to blue",    "policy ACCEPT_SERVER", "SUPERSEDED",   { ...BASE, color: "blue" },    "-"],

  // A person decides: the head stays meanwhile. A policy of MANUAL stands above the wish, any other below it.
  ["sets brightness to 70", "sets brightness to 30", "policy MANUAL",      "PENDING_REVIEW", { ...BASE, brightness: 30 },   "content_conflict open brightness"],
  ["sets brightness to 70", "sets color to blue",    "policy MANUAL",      "PENDING_REVIEW", { ...BASE, color: "blue" },    "version_mismatch open brightness"],
  ["sets brightness to 70", "sets brightness to 30", "wish MANUAL",        "PENDING_REVIEW", { ...BASE, brightness: 30 },   "content_conflict open brightness"],
  ["sets brightness to 70", "sets brightness to 30", "policy MANUAL, wish ACCEPT_LOCAL", "PENDING_REVIEW", { ...BASE, brightness: 30 }, "content_conflict open brightness"],
  ["sets brightness to 70", "sets brightness to 30", "policy ACCEPT_SERVER, wish MERGE", "MERGED", { ...BASE, brightness: 70 }, "content_conflict merged brightness"],
  ["sets color to blue",    "sets color to blue",    "policy MANUAL",      "MERGED",         { ...BASE, color: "blue" },    "-"],
  ["touches nothing",       "sets color to blue",    "policy MANUAL",      "SUPERSEDED",     { ...BASE, color: "blue" },    "-"],
  ["sets brightness to 70", "sets brightness to 30", "wish MERGE",         "MERGED",         { ...BASE, brightness: 70 },   "content_conflict merged brightness"],
];

describe.each(ENTITY_TYPES)("a %s that a device edited while its head moved on", (type) => {
  it.each(TABLE)("device %s, head %s, %s → %s", (device, head, by, outcome, after, recorded) => {
    const divergence = diverge({ type, device, head, by });
    const resolution = resolveDivergence(divergence);
    expect(outcomeOf(resolution.decision.kind)).toBe(outcome);
    expect(recordAfter(divergence, resolution)).toEqual(after);
    expect(summary(resolution.conflict)).toBe(recorded);
  });
});

function diverge(told: { type: EntityType; device: Edit; head: Edit; by: Strategy }): Divergence {
  const { type, by } = told;
  const begin = () => {
    const chain = new HeadChain();
    chain.push({ device: "panel", at: 0, type, body: BASE, parents: [] });
    return { chain, base: chain.head };
  };
  const edited = (edit: Edit, device: string, at: number): RecordVersion => {
    const { chain, base } = begin();
    chain.push({ device, at, type, body: EDITS[edit], parents: [base.version] });
    return chain.head;
  };
  const [wish] = /(?<=wish )\w+/.exec(by) ?? [];
  const [rule] = /(?<=policy )\w+/.exec(by) ?? [];
  const strategy = (name: string | undefined) => name?.toLowerCase() as ConflictPolicy["strategy"];
  return {
    local: edited(told.device, "ada-phone", 20),
    server: edited(told.head, "bob-phone", 10),
    base: begin().base,
    wish: strategy(wish),
    policy: rule === undefined ? undefined : { entityType: type, strategy: strategy(rule), fieldRules: new Map() },
    restored: false,
    serverCascade: false,
  };
}

function outcomeOf(kind: "keep_head" | "merged" | "pending"): string {
  return { keep_head: "SUPERSEDED", merged: "MERGED", pending: "PENDING_REVIEW" }[kind];
}

function recordAfter({ server }: Divergence, { decision }: ReturnType<typeof resolveDivergence>): After {
  if (decision.kind !== "merged") return server.content.body ?? "deleted";
  return decision.content.deleted ? "deleted" : JSON.parse(decision.content.bodyJson ?? "");
}

function summary(conflict: ReturnType<typeof resolveDivergence>["conflict"]): string {
  if (conflict === undefined) return "-";
  return `${conflict.type} ${conflict.decision} ${conflict.fields.map(({ field }) => field).join(" ")}`;
}

describe("what is special about the history of the two sides", () => {
  const alive = buildVersion({ device: "panel", at: 0, body: BASE });
  const tombstone = buildVersion({ device: "bob-phone", at: 10, body: null, parents: [alive] });
  const restored = buildVersion({ device: "bob-phone", at: 11, body: BASE, parents: [tombstone] });
  const plain = { wish: undefined, policy: undefined, restored: false, serverCascade: false };

  it("lets a delete wait for a person when the record was restored without it knowing", () => {
    const local = buildVersion({ device: "ada-phone", at: 20, body: null, parents: [alive] });
    const { decision, conflict } = resolveDivergence({
      ...plain,
      local,
      server: restored,
      base: alive,
      restored: true,
    });
    expect(decision.kind).toBe("pending");
    expect(summary(conflict)).toBe("delete_update open brightness color");
  });

  it("lets a restore stand against another delete that did not know of it", () => {
    const local = buildVersion({ device: "ada-phone", at: 20, body: { ...BASE, note: "back" }, parents: [tombstone] });
    const server = buildVersion({ device: "hub", at: 30, body: null, parents: [tombstone] });
    const resolution = resolveDivergence({ ...plain, local, server, base: tombstone });
    expect(recordAfter({ ...plain, local, server, base: tombstone }, resolution)).toEqual({ ...BASE, note: "back" });
    expect(resolution.conflict).toMatchObject({ type: "delete_update", decision: "took_local" });
  });

  it("merges two restores as if they had started from nothing", () => {
    const local = buildVersion({ device: "ada-phone", at: 20, body: { brightness: 70 }, parents: [tombstone] });
    const server = buildVersion({ device: "hub", at: 30, body: { brightness: 30, note: "new" }, parents: [tombstone] });
    const divergence = { ...plain, local, server, base: tombstone };
    const resolution = resolveDivergence(divergence);
    expect(recordAfter(divergence, resolution)).toEqual({ brightness: 30, note: "new" });
    expect(summary(resolution.conflict)).toBe("content_conflict kept_server brightness");
  });

  it("takes the later edit of each key when no common ancestor is known", () => {
    const local = buildVersion({ device: "ada-phone", at: 20, body: { name: "Lamp", brightness: 70, note: "n" } });
    const server = buildVersion({
      device: "hub",
      at: 30,
      body: { name: "The ceiling lamp", brightness: 30, color: "red" },
    });
    const divergence = { ...plain, local, server, base: undefined };
    const resolution = resolveDivergence(divergence);
    expect(recordAfter(divergence, resolution)).toEqual({
      name: "The ceiling lamp",
      brightness: 30,
      color: "red",
      note: "n",
    });
    expect(summary(resolution.conflict)).toBe("content_conflict merged brightness name");
  });

  it("lets what an edit only found there stand against nothing, and counts it as nobody's loss", () => {
    const found = { stamp: unknownStamp(parseDeviceId("ada-phone")), keys: ["brightness", "name", "note"] };
    const body = { name: "Lamp", brightness: 70, note: "n", color: "blue" };
    const local = buildVersion({ device: "ada-phone", at: 40, body, stamps: [found] });
    const server = buildVersion({ device: "hub", at: 30, body: { name: "The ceiling lamp", brightness: 30 } });
    const divergence = { ...plain, local, server, base: undefined };
    const resolution = resolveDivergence(divergence);
    expect(recordAfter(divergence, resolution)).toEqual({
      name: "The ceiling lamp",
      brightness: 30,
      note: "n",
      color: "blue",
    });
    expect(resolution.conflict).toBeUndefined();
  });

  it("lets an edit replace the tombstone of an edge that only went with its entity", () => {
    const ends = { type: "located_in", from: 1, to: 2 } as const;
    const base = buildVersion({ device: "panel", at: 0, body: {}, ends });
    const server = buildVersion({ device: "server.0000abcd", at: 50, body: null, ends, parents: [base] });
    const moved = { ...ends, to: 3 };
    const local = buildVersion({ device: "ada-phone", at: 20, body: { since: 2026 }, ends: moved, parents: [base] });
    const { decision, conflict } = resolveDivergence({ ...plain, local, server, base, serverCascade: true });
    expect(decision).toMatchObject({
      kind: "merged",
      content: { bodyJson: '{"since":2026}', ends: "local", deleted: false },
    });
    expect(conflict).toBeUndefined();
  });

  it("lets a delete replace such a tombstone too, so that the entity's return does not bring the edge back", () => {
    const ends = { type: "located_in", from: 1, to: 2 } as const;
    const base = buildVersion({ device: "panel", at: 0, body: {}, ends });
    const server = buildVersion({ device: "server.0000abcd", at: 50, body: null, ends, parents: [base] });
    const local = buildVersion({ device: "ada-phone", at: 20, body: null, ends, parents: [base] });
    const { decision, conflict } = resolveDivergence({ ...plain, local, server, base, serverCascade: true });
    expect(decision).toMatchObject({ kind: "merged", content: { deleted: true } });
    expect(conflict).toBeUndefined();
  });

  it("asks a person when two devices chose one id for things of different types", () => {
    const local = buildVersion({ device: "ada-phone", at: 20, type: "device", body: BASE });
    const server = buildVersion({ device: "hub", at: 30, type: "room", body: {} });
    const { decision, conflict } = resolveDivergence({
      ...plain,
      local,
      server,
      base: undefined,
      wish: "accept_local",
    });
    expect(decision.kind).toBe("pending");
    expect(summary(conflict)).toBe("version_mismatch open brightness color");
  });
});

describe("a relationship that a device edited while its head moved on", () => {
  const ends = { type: "located_in", from: 1, to: 2 } as const;
  const base = buildVersion({ device: "panel", at: 0, body: { since: 2025 }, ends });
  const edge = (device: string, at: number, to: number, body: JsonObject) => {
    const chain = new HeadChain();
    chain.push({ device: "panel", at: 0, body: { since: 2025 }, ends, parents: [] });
    chain.push({ device, at, body, ends: { ...ends, to }, parents: [chain.head.version] });
    return chain.head;
  };
  const plain = { wish: undefined, policy: undefined, restored: false, serverCascade: false };

  it("merges a move with an edit of a property", () => {
    const local = edge("ada-phone", 20, 3, { since: 2025 });
    const server = edge("bob-phone", 10, 2, { since: 2026 });
    const { decision, conflict } = resolveDivergence({ ...plain, local, server, base });
    expect(decision).toMatchObject({ kind: "merged", content: { ends: "local", bodyJson: '{"since":2026}' } });
    expect(conflict).toBeUndefined();
  });

  it("lets the later of two moves stand, type and both ends as one", () => {
    const local = edge("ada-phone", 20, 3, { since: 2025 });
    const server = edge("bob-phone", 30, 4, { since: 2025 });
    const { decision, conflict } = resolveDivergence({ ...plain, local, server, base });
    expect(decision.kind).toBe("keep_head");
    expect(summary(conflict)).toBe("content_conflict kept_server @ends");
    expect(JSON.parse(conflict?.fields[0]?.localJson ?? "")).toMatchObject({ type: "located_in" });
  });
});
