import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { Divergence } from "@funkygibbon/kernel/record";
import { unknownStamp } from "@funkygibbon/kernel/stamp";
import { describe, expect, it } from "vitest";
import { buildVersion } from "../../test/build-version.ts";
import { resolveDivergence } from "./resolve-divergence.ts";

/** What the record said before. */
const BASE: JsonObject = { brightness: 50, color: "red" };

describe("what is special about the history of the two sides", () => {
  const alive = buildVersion({ device: "panel", at: 0, body: BASE });
  const tombstone = buildVersion({ device: "bob-phone", at: 10, body: null, parents: [alive] });
  const restored = buildVersion({ device: "bob-phone", at: 11, body: BASE, parents: [tombstone] });
  const plain = { localTimes: "", wish: undefined, policy: undefined, restored: false, serverCascade: false };

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

function recordAfter(
  { server }: Divergence,
  { decision }: ReturnType<typeof resolveDivergence>,
): JsonObject | "deleted" {
  if (decision.kind !== "merged") return server.content.body ?? "deleted";
  return decision.content.deleted ? "deleted" : JSON.parse(decision.content.bodyJson ?? "");
}

function summary(conflict: ReturnType<typeof resolveDivergence>["conflict"]): string {
  if (conflict === undefined) return "-";
  return `${conflict.type} ${conflict.decision} ${conflict.fields.map(({ field }) => field).join(" ")}`;
}
