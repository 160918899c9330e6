import { canonicalContent } from "@funkygibbon/kernel/content";
import { canonicalJson, type JsonObject } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictPolicy, IncomingChange, Outcome, Strategy } from "@funkygibbon/kernel/record";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConflictFile } from "../../services/conflict-resolution/src/domain/conflict-store.ts";
import { planSettlement } from "../../services/conflict-resolution/src/domain/plan-settlement.ts";
import { resolveDivergence } from "../../services/conflict-resolution/src/domain/resolve-divergence.ts";
import {
  applyPatch,
  body,
  type Patch,
  PLAIN_KEYS,
  patch,
  RULED_KEYS,
  RUNS,
  SOAK_TIMEOUT_MS,
  time,
  wish,
} from "../../services/conflict-resolution/test/arbitraries.ts";
import { recordId, TestDevice } from "../../services/entity-store/test/changes.ts";
import { MemoryLog, START_US } from "../../services/entity-store/test/memory-log.ts";

/**
 * The plans of entity-store and the rules of conflict-resolution as they work together: the first is asked what a push
 * comes to, the second what has diverged, until every edit is answered. Without SQL and without the wire, so that it can
 * be done ten thousand times.
 */

const RECORD = recordId(1);
const ALL_KEYS = [...PLAIN_KEYS, ...RULED_KEYS];
const DEVICES = ["phone-a", "phone-b", "panel", "hub"];
const STRATEGIES = ["accept_local", "accept_server", "merge", "manual"] as const;

/** One edit of a device, on top of its last one. */
interface Step {
  readonly at: number;
  readonly patch: Patch;
  readonly wish: Strategy | undefined;
  readonly deletes: boolean;
}

const step = (keys: readonly string[]): fc.Arbitrary<Step> =>
  fc.record({ at: time, patch: patch(keys), wish: fc.constant(undefined), deletes: fc.constant(false) });
const anyStep: fc.Arbitrary<Step> = fc.record({
  at: time,
  patch: patch(ALL_KEYS),
  wish,
  deletes: fc.boolean().map((deletes) => deletes),
});

/** A log with one record in it, and everything that was ever pushed to it. */
class Household {
  readonly log = new MemoryLog();
  readonly made: IncomingChange[] = [];
  readonly outcomes = new Map<string, Outcome>();
  readonly base: IncomingChange;

  constructor(before: JsonObject, policy?: ConflictPolicy) {
    if (policy !== undefined) this.log.policies.push(policy);
    this.base = new TestDevice("origin").edit(RECORD, before, { atUs: START_US - 1_000_000_000 });
    this.push([this.base]);
  }

  get head() {
    return this.log.head(RECORD);
  }

  /** What a coordinator does: commit, have resolved what has diverged, commit again. */
  push(changes: readonly IncomingChange[]): void {
    this.made.push(...changes);
    let open = changes;
    let resolutions: Parameters<MemoryLog["push"]>[1] = {};
    for (let round = 0; open.length > 0; round++) {
      if (round > 5) throw new Error("a push is decided in two commits when nobody else writes");
      const { outcomes, divergences } = this.log.push(open, resolutions);
      for (const [index, change] of open.entries()) {
        const outcome = outcomes[index]?.outcome;
        if (outcome !== undefined) this.outcomes.set(change.version, outcome);
      }
      open = open.filter((_, index) => outcomes[index] === undefined);
      resolutions = { resolutions: divergences.map(resolveDivergence) };
    }
  }

  /** A person decides a conflict. */
  settle(id: string, strategy: Exclude<Strategy, "manual">): void {
    const conflict = must(this.log.conflicts.get(id), "it is in the inbox");
    const version = (named: string | undefined) => (named === undefined ? undefined : this.log.version(named));
    const file: ConflictFile = {
      conflict,
      local: this.log.version(conflict.localVersion),
      server: version(conflict.serverVersion),
      base: version(conflict.baseVersion),
      head: this.head,
      policy: this.log.policies[0],
    };
    const { decision, content, fields } = planSettlement(file, { kind: "strategy", strategy });
    if (decision === "open" || decision === "closed") throw new Error("a person decides");
    this.log.settle(id, decision, content, { fields });
  }
}

/** The changes of a device that knows the base and itself. */
function editsOf(name: string, steps: readonly Step[], { before, base }: { before: JsonObject; base: IncomingChange }) {
  const device = new TestDevice(name);
  let content = before;
  let parent = base.version;
  const changes: IncomingChange[] = [];
  // A device's own clock never goes back.
  let at = 0;
  for (const one of steps) {
    content = applyPatch(content, one.patch);
    at = Math.max(at, one.at);
    const options = { parents: [parent], atUs: START_US - 500_000_000 + at * 1_000_000, wish: one.wish };
    const change = one.deletes ? device.remove(RECORD, [parent], options) : device.edit(RECORD, content, options);
    changes.push(change);
    parent = change.version;
    // Nobody edits what they have deleted themselves.
    if (one.deletes) break;
  }
  return changes;
}

function textOf({ content }: IncomingChange): string {
  const { bodyJson } = must(content, "an edit says something");
  return bodyJson === "" ? "null" : canonicalJson(JSON.parse(bodyJson));
}

function holds<Told>(told: fc.Arbitrary<Told>, property: (told: Told) => void): void {
  fc.assert(fc.property(told, property), { numRuns: RUNS });
}

/** As `expect`, which would take most of the time. */
function demand(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

const KEPT: ReadonlySet<Outcome | undefined> = new Set(["applied", "merged", "superseded", "pending_review"]);

const policyOf = (strategy: Strategy | undefined): ConflictPolicy | undefined =>
  strategy && { entityType: "device", strategy, fieldRules: new Map([["note", "longer"]]) };

describe("the store's plans and the rules of merging together", { timeout: SOAK_TIMEOUT_MS }, () => {
  it("no strategy ever drops a version from history: each edit is there as it was made, answered in one of four ways, and stays when people decide", () => {
    const told = fc.record({
      before: body(ALL_KEYS),
      policy: fc.option(fc.constantFrom(...STRATEGIES), { nil: undefined }),
      steps: fc.array(fc.array(anyStep, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 3 }),
      together: fc.boolean(),
      choices: fc.array(fc.constantFrom("accept_local", "accept_server", "merge"), { minLength: 4, maxLength: 4 }),
    });
    holds(told, ({ before, policy, steps, together, choices }) => {
      const home = new Household(before, policyOf(policy));
      const queues = steps.map((one, index) => editsOf(DEVICES[index] ?? "", one, { before, base: home.base }));
      // All that a device has at once, or one edit of each in turn.
      if (together) for (const queue of queues) home.push(queue);
      else for (let turn = 0; turn < 2; turn++) for (const queue of queues) home.push(queue.slice(turn, turn + 1));
      const everyEditIsKept = () => {
        for (const change of home.made) {
          const kept = home.log.version(change.version);
          const text = kept.deleted ? "null" : canonicalJson(kept.content.body);
          demand(text === textOf(change), `${change.version} was changed`);
          demand(kept.outcome === home.outcomes.get(change.version), `${change.version} was answered otherwise`);
          demand(KEPT.has(kept.outcome), `${change.version} was not kept: ${kept.outcome}`);
        }
      };
      everyEditIsKept();
      // What waits is in the inbox, by itself or below the edit that waits there.
      const waits = home.made.some(({ version }) => home.outcomes.get(version) === "pending_review");
      demand(!waits || home.log.conflicts.size > 0, "an edit waits, and nobody is asked");
      for (const [index, { id }] of [...home.log.conflicts.values()].entries()) {
        const choice = choices[index % choices.length] ?? "merge";
        try {
          home.settle(id, choice);
        } catch (error) {
          expect(error).toMatchObject({ kind: "failed-precondition" });
        }
      }
      everyEditIsKept();
      // Accepted versions form one chain: each head descends from the one before.
      const heads = home.log.versions.filter(({ outcome }) => outcome === "applied");
      for (const [index, head] of heads.entries()) {
        const before = heads[index - 1]?.version;
        demand(before === undefined || head.parents.includes(before), `${head.version} is no heir of ${before}`);
      }
    });
  });

  it("symmetric: of two concurrent edits the same content comes, whichever is pushed first", () => {
    const told = fc.record({ before: body(ALL_KEYS), left: anyStep, right: anyStep });
    holds(told, ({ before, left, right }) => {
      const contents = [
        [0, 1],
        [1, 0],
      ].map((order) => {
        const home = new Household(before);
        const queues = [left, right].map((one, index) =>
          editsOf(DEVICES[index] ?? "", [{ ...one, wish: undefined }], { before, base: home.base }),
        );
        for (const index of order) home.push(queues[index] ?? []);
        return canonicalContent(home.head.content);
      });
      demand(contents[1] === contents[0], `${contents[0]} and ${contents[1]}`);
    });
  });

  it("I6: any order of arrival of four concurrent edits gives the same content for last-write-wins keys, with the stamps that the store derives", () => {
    const told = fc.record({
      before: body(PLAIN_KEYS),
      steps: fc.array(step(PLAIN_KEYS), { minLength: 4, maxLength: 4 }),
      order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
    });
    holds(told, ({ before, steps, order }) => {
      const contents = [[0, 1, 2, 3], order].map((sequence) => {
        const home = new Household(before);
        const queues = steps.map((one, index) => editsOf(DEVICES[index] ?? "", [one], { before, base: home.base }));
        for (const index of sequence) home.push(queues[index] ?? []);
        return canonicalContent(home.head.content);
      });
      demand(contents[1] === contents[0], `${contents[0]} and ${contents[1]}`);
    });
  });

  it("merge of a merge is stable: what comes again, or says what the head says, changes nothing", () => {
    const told = fc.record({ before: body(ALL_KEYS), left: anyStep, right: anyStep });
    holds(told, ({ before, left, right }) => {
      const home = new Household(before);
      const queues = [left, right].map((one, index) =>
        editsOf(DEVICES[index] ?? "", [{ ...one, wish: undefined }], { before, base: home.base }),
      );
      for (const queue of queues) home.push(queue);
      const merged = canonicalContent(home.head.content);
      const versions = home.log.versions.length;
      for (const queue of queues) home.push(queue);
      demand(home.log.versions.length === versions, "what came again was stored again");
      if (home.head.deleted) return;
      const echo = new TestDevice("echo").edit(RECORD, home.head.content.body ?? {}, {
        parents: [home.base.version],
      });
      home.push([echo]);
      demand(canonicalContent(home.head.content) === merged, "an echo changed something");
    });
  });

  it("a heal is merged by stamps and asks nobody, whatever the policy", () => {
    const parents = ["2026-11-22T09:00:00.000Z-x-001"];
    for (const strategy of STRATEGIES) {
      const home = new Household({ name: "Lamp", colour: "white" }, policyOf(strategy));
      const later = { author: "ada", device: "panel", stamps: () => [], effectiveUs: START_US };
      const earlier = { ...later, device: "hub", effectiveUs: later.effectiveUs - 1 };
      home.push([new TestDevice("panel").edit(RECORD, { name: "Lamp", colour: "red" }, { parents, heal: later })]);
      home.push([new TestDevice("hub").edit(RECORD, { name: "Lamp", colour: "blue" }, { parents, heal: earlier })]);
      expect(home.head.content.body, strategy).toEqual({ name: "Lamp", colour: "red" });
      expect([...home.outcomes.values()], strategy).toEqual(["applied", "merged", "superseded"]);
      expect(home.log.conflicts.size, strategy).toBe(0);
    }
  });
});
