import type { JsonObject } from "@funkygibbon/kernel/json";
import type { ConflictRow, RecordVersion } from "@funkygibbon/kernel/record";
import { describe, expect, it } from "vitest";
import { buildConflictFile } from "../../test/build-conflict.ts";
import { buildVersion } from "../../test/build-version.ts";
import type { ConflictFile } from "./conflict-store.ts";
import { planSettlement, type SettlementChoice } from "./plan-settlement.ts";

const BASE: JsonObject = { brightness: 50, color: "red" };
const base = buildVersion({ device: "panel", at: 0, body: BASE });
const local = edit("ada-phone", 20, { brightness: 70, color: "red" }, ["brightness"]);
const server = edit("bob-phone", 10, { brightness: 30, color: "red" }, ["brightness"]);

function edit(device: string, at: number, body: JsonObject, changed: string[], on = base): RecordVersion {
  const stamp = { effectiveUs: on.effectiveUs, device: on.device, sequence: on.sequence };
  const kept = Object.keys(body).filter((key) => !changed.includes(key));
  const stamps = kept.length === 0 ? [] : [{ stamp, keys: kept }];
  return buildVersion({ device, at, body, parents: [on], stamps });
}

function waiting(
  parts: Partial<Omit<ConflictFile, "conflict">> & { conflict?: Partial<ConflictRow> } = {},
): ConflictFile {
  return buildConflictFile({ local, server, base, head: server, ...parts });
}

const choose = (strategy: "accept_local" | "accept_server" | "merge"): SettlementChoice => ({
  kind: "strategy",
  strategy,
});

/** What the record says after a choice. */
function after(file: ConflictFile, choice: SettlementChoice): JsonObject | "deleted" {
  const plan = planSettlement(file, choice);
  return plan.after.deleted ? "deleted" : JSON.parse(plan.after.bodyJson ?? "");
}

describe("settling an open conflict", () => {
  it("takes the device's side", () => {
    const plan = planSettlement(waiting(), choose("accept_local"));
    expect(plan.decision).toBe("took_local");
    expect(plan.content).toMatchObject({ bodyJson: '{"brightness":70,"color":"red"}', deleted: false });
    expect(plan.fields).toEqual([
      {
        field: "brightness",
        localJson: "70",
        serverJson: "30",
        baseJson: "50",
        decidedJson: "70",
        rule: "accept-local",
      },
    ]);
  });

  it("keeps the head, and then writes no version", () => {
    const plan = planSettlement(waiting(), choose("accept_server"));
    expect(plan).toMatchObject({ decision: "kept_server", content: undefined });
    expect(plan.lostFields).toMatchObject([{ field: "brightness", decidedJson: "30", rule: "accept-server" }]);
  });

  it("merges by the rules that the policy would not let decide alone", () => {
    const file = waiting({ policy: { entityType: "device", strategy: "manual", fieldRules: new Map() } });
    expect(planSettlement(file, choose("merge"))).toMatchObject({
      decision: "merged",
      content: { bodyJson: '{"brightness":70,"color":"red"}' },
      lostFields: [{ field: "brightness", rule: "last-write-wins" }],
    });
  });

  it("writes what the person wrote, with keys of their own", () => {
    const plan = planSettlement(waiting(), { kind: "edited", body: { brightness: 55, note: "agreed" } });
    expect(plan.decision).toBe("edited");
    expect(plan.content?.bodyJson).toBe('{"brightness":55,"note":"agreed"}');
    expect(plan.lostFields.map(({ field, decidedJson }) => [field, decidedJson])).toEqual([["brightness", "55"]]);
    // Both parents name brightness and color; nobody but the settlement itself has set the note.
    expect(plan.content?.stamps.flatMap(({ keys }) => keys).sort()).toEqual(["brightness", "color"]);
  });

  it("calls an edit that says what the head says keeping the head", () => {
    const plan = planSettlement(waiting(), { kind: "edited", body: { color: "red", brightness: 30 } });
    expect(plan).toMatchObject({ decision: "kept_server", content: undefined });
  });
});

describe("settling a conflict whose head has moved on", () => {
  const head = edit("panel", 40, { brightness: 30, color: "green", note: "new" }, ["color", "note"], server);

  it("changes only the keys that the conflict is about", () => {
    const file = waiting({ head });
    expect(after(file, choose("accept_local"))).toEqual({ brightness: 70, color: "green", note: "new" });
    expect(after(file, choose("merge"))).toEqual({ brightness: 70, color: "green", note: "new" });
    expect(after(file, choose("accept_server"))).toEqual(head.content.body);
  });
});

describe("deciding a settled conflict again", () => {
  const merged = { ...edit("merge.0000abcd", 21, { brightness: 70, color: "red" }, ["brightness"]), parents: [] };

  it("can take the server's side back although the head has the device's", () => {
    const plan = planSettlement(waiting({ head: merged, conflict: { decision: "merged" } }), choose("accept_server"));
    expect(plan.decision).toBe("merged");
    expect(plan.content?.bodyJson).toBe('{"brightness":30,"color":"red"}');
  });

  it("restores what a delete took", () => {
    const tombstone = buildVersion({ device: "bob-phone", at: 10, body: null, parents: [base] });
    const file = waiting({
      server: tombstone,
      head: tombstone,
      conflict: { type: "delete_update", decision: "kept_server" },
    });
    expect(planSettlement(file, choose("accept_local"))).toMatchObject({
      decision: "took_local",
      content: { deleted: false, bodyJson: '{"brightness":70,"color":"red"}' },
    });
    expect(planSettlement(file, choose("merge"))).toMatchObject({ decision: "kept_server", content: undefined });
  });

  it("undoes a delete that won, or keeps it", () => {
    const tombstone = buildVersion({ device: "ada-phone", at: 20, body: null, parents: [base] });
    const head = buildVersion({ device: "merge.0000abcd", at: 21, body: null, parents: [server, tombstone] });
    const file = waiting({ local: tombstone, head, conflict: { type: "delete_update", decision: "took_local" } });
    expect(after(file, choose("accept_server"))).toEqual(server.content.body);
    expect(planSettlement(file, choose("accept_local"))).toMatchObject({ decision: "kept_server", content: undefined });
  });

  it("does not revive a record that was deleted afterwards", () => {
    const head = buildVersion({ device: "panel", at: 50, body: null, parents: [server] });
    expect(() => planSettlement(waiting({ head }), choose("accept_local"))).toThrow(/restore it first/);
    expect(() => planSettlement(waiting({ head }), { kind: "edited", body: {} })).toThrow(/restore it first/);
    expect(planSettlement(waiting({ head }), choose("accept_server"))).toMatchObject({ decision: "kept_server" });
  });
});

describe("settling what has no head", () => {
  const file = waiting({ server: undefined, base: undefined, head: undefined });

  it("makes the device's edit the first version of the record", () => {
    for (const strategy of ["accept_local", "merge"] as const) {
      const plan = planSettlement(file, choose(strategy));
      expect(plan.content).toMatchObject({
        bodyJson: '{"brightness":70,"color":"red"}',
        ends: "local",
        deleted: false,
      });
    }
  });

  it("can leave it at nothing", () => {
    expect(planSettlement(file, choose("accept_server"))).toMatchObject({
      decision: "kept_server",
      content: undefined,
    });
  });
});

describe("what a settlement cannot do", () => {
  it("take a side whose content retention has removed", () => {
    const gone = { ...local, bodyRemoved: true, content: { ...local.content, body: null } };
    const reason = expect.objectContaining({ kind: "failed-precondition", reason: "BODY_REMOVED" });
    expect(() => planSettlement(waiting({ local: gone }), choose("accept_local"))).toThrow(reason);
    expect(() => planSettlement(waiting({ local: gone }), choose("merge"))).toThrow(reason);
  });

  it("exceed the size of a record", () => {
    const big = (key: string) => ({ ...BASE, [key]: "x".repeat(40_000) });
    const file = waiting({
      local: edit("ada-phone", 20, big("a"), ["a"]),
      server: edit("bob-phone", 10, big("b"), ["b"]),
      head: edit("bob-phone", 10, big("b"), ["b"]),
    });
    expect(() => planSettlement(file, choose("merge"))).toThrow(expect.objectContaining({ reason: "MERGE_TOO_LARGE" }));
  });
});

describe("a relationship", () => {
  const edge = (device: string, at: number, to: number) =>
    buildVersion({ device, at, body: {}, ends: { type: "located_in", from: 1, to } });
  const [local, server, head] = [edge("ada-phone", 20, 3), edge("bob-phone", 10, 2), edge("panel", 40, 4)];
  const conflict = { decision: "merged", recordKind: "relationship" } as const;
  const endsAfter = (file: Parameters<typeof waiting>[0], strategy: "accept_local" | "accept_server") =>
    planSettlement(waiting({ ...file, base: undefined, conflict }), choose(strategy)).content?.ends;

  it("is led where either side had led it, although the head has led it elsewhere since", () => {
    expect(endsAfter({ local, server, head }, "accept_local")).toBe("local");
    expect(endsAfter({ local, server, head }, "accept_server")).toBe("found");
  });

  it("takes its ends from the device's version where there is no head", () => {
    expect(endsAfter({ local, server: undefined, head: undefined }, "accept_local")).toBe("local");
  });
});
