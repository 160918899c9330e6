import { createHash } from "node:crypto";
import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { IncomingChange, Resolution } from "@funkygibbon/kernel/record";
import fc from "fast-check";
import { describe, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog, START_US } from "../../test/memory-log.ts";

/**
 * Several devices edit a small home at random, offline of each other: each builds on what it last saw, pushes when it
 * likes and pulls when it likes. Divergences are resolved by a coarse resolver; what is checked holds for any.
 */

const DEVICES = ["phone", "panel", "hub"] as const;
const NODES = [1, 2, 3, 4].map(recordId);
const EDGES = [11, 12, 13, 14].map(recordId);

type Action =
  | { readonly kind: "edit"; readonly device: number; readonly node: number; readonly value: number }
  | { readonly kind: "remove"; readonly device: number; readonly record: number }
  | {
      readonly kind: "connect";
      readonly device: number;
      readonly edge: number;
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: "push"; readonly device: number; readonly shuffled: boolean; readonly offsetHours: number }
  | { readonly kind: "pull"; readonly device: number }
  | { readonly kind: "resend"; readonly device: number };

const device = fc.nat(DEVICES.length - 1);
const node = fc.nat(NODES.length - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("edit" as const), device, node, value: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), device, record: fc.nat(7) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("connect" as const), device, edge: fc.nat(3), from: node, to: node }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("push" as const),
      device,
      shuffled: fc.boolean(),
      offsetHours: fc.integer({ min: -50, max: 50 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pull" as const), device }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("resend" as const), device }) },
);

/** One device: what it has seen, what it has edited on top, what it has not pushed. */
class Replica {
  readonly device: TestDevice;
  readonly seen = new Map<string, string>();
  unsent: IncomingChange[] = [];
  readonly sent: IncomingChange[] = [];

  constructor(name: string) {
    this.device = new TestDevice(name);
  }

  parents(record: string): string[] {
    const version = this.seen.get(record);
    return version === undefined ? [] : [version];
  }

  add(change: IncomingChange): void {
    this.unsent.push(change);
    this.seen.set(change.recordId, change.version);
  }

  pull(log: MemoryLog): void {
    const own = new Set(this.unsent.map((change) => change.recordId));
    for (const head of log.heads.values()) if (!own.has(head.record)) this.seen.set(head.record, head.version);
  }
}

class World {
  readonly log = new MemoryLog();
  readonly replicas = DEVICES.map((name) => new Replica(name));
  /** Every change that was answered as stored, with that answer. */
  readonly answered = new Map<string, { readonly change: IncomingChange; readonly outcome: string }>();

  /** Begins with a home that everybody has seen. */
  constructor() {
    for (const node of NODES.keys()) this.run({ kind: "edit", device: 0, node, value: 0 });
    this.run({ kind: "push", device: 0, shuffled: false, offsetHours: 0 });
    for (const device of DEVICES.keys()) this.run({ kind: "pull", device });
  }

  run(step: Action): void {
    const replica = this.replicas[step.device];
    if (replica === undefined) return;
    switch (step.kind) {
      case "edit": {
        const record = NODES[step.node] ?? "";
        replica.add(replica.device.edit(record, { value: step.value }, { parents: replica.parents(record) }));
        break;
      }
      case "remove": {
        const record = [...NODES, ...EDGES][step.record] ?? "";
        const parents = replica.parents(record);
        const head = this.log.heads.get(record as RecordId);
        if (parents.length === 0 || head === undefined) return;
        const ends = { type: "part_of" as const, from: head.from ?? "", to: head.to ?? "" };
        const gone =
          head.kind === "entity"
            ? replica.device.remove(record, parents)
            : replica.device.connect(record, ends, { parents, deleted: true });
        replica.add(gone);
        break;
      }
      case "connect": {
        const record = EDGES[step.edge] ?? "";
        const ends = { type: "part_of" as const, from: NODES[step.from] ?? "", to: NODES[step.to] ?? "" };
        replica.add(replica.device.connect(record, ends, { parents: replica.parents(record) }));
        break;
      }
      case "push":
        this.push(replica, step.shuffled ? replica.unsent.toReversed() : replica.unsent, step.offsetHours);
        break;
      case "pull":
        replica.pull(this.log);
        break;
      case "resend":
        this.push(replica, replica.sent, 0);
        break;
    }
  }

  /** Pushes until nothing diverges any more. Deferred changes stay unsent; rejected ones are dropped. */
  private push(replica: Replica, changes: readonly IncomingChange[], offsetHours: number): void {
    const options = { device: replica.device.name, receivedUs: this.log.nowUs, clockOffsetUs: offsetHours * 3.6e9 };
    const deferred = new Set<string>();
    let resolutions: Resolution[] = [];
    for (let round = 0; round < 5; round++) {
      const before = this.log.versions.length;
      const result = this.log.push(changes, { ...options, resolutions });
      if (this.log.versions.length !== before && result.firstSeq !== before + 1) throw new Error("wrong first seq");
      for (const [index, outcome] of result.outcomes.entries()) {
        const change = changes[index];
        if (change === undefined || outcome === undefined) continue;
        if (outcome.outcome === "deferred") deferred.add(change.version);
        else if (outcome.outcome !== "rejected") this.note(change, outcome.outcome);
      }
      if (result.divergences.length === 0) break;
      resolutions = result.divergences.map((divergence) => {
        const shared = {
          record: divergence.local.record,
          localVersion: divergence.local.version,
          serverVersion: divergence.server.version,
        };
        const { local, server } = divergence;
        const pick = local.effectiveUs >= server.effectiveUs ? local : server;
        const bodyJson = pick.content.body === null ? undefined : JSON.stringify(pick.content.body);
        const content = {
          bodyJson,
          ends: pick === local ? ("local" as const) : ("server" as const),
          deleted: pick.deleted,
          stamps: [],
        };
        if (local.sequence % 5 === 0) return { ...shared, decision: { kind: "keep_head" }, conflict: undefined };
        if (local.sequence % 7 === 0) return { ...shared, decision: { kind: "pending" }, conflict: undefined };
        return { ...shared, decision: { kind: "merged", content }, conflict: undefined };
      });
    }
    replica.sent.push(...replica.unsent.filter((change) => !deferred.has(change.version)));
    replica.unsent = replica.unsent.filter((change) => deferred.has(change.version));
  }

  private note(change: IncomingChange, outcome: string): void {
    const before = this.answered.get(change.version);
    if (before !== undefined && before.outcome !== outcome) throw new Error(`${before.outcome} became ${outcome}`);
    this.answered.set(change.version, { change, outcome });
  }
}

function inAnyWorld(check: (world: World) => void): void {
  fc.assert(
    fc.property(fc.array(action, { minLength: 10, maxLength: 60, size: "max" }), (actions) => {
      const world = new World();
      for (const step of actions) world.run(step);
      check(world);
    }),
    { numRuns: 200 },
  );
}

function demand(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

describe("whatever devices do", () => {
  test("I1 and I3: every answered change is in the log as it was answered, and a resend changes nothing", () => {
    inAnyWorld((world) => {
      for (const [version, { outcome }] of world.answered) {
        demand(world.log.version(version).outcome === outcome, `${version} is stored otherwise than it was answered`);
      }
      const before = { versions: world.log.versions.length, position: { ...world.log.position } };
      for (const replica of world.replicas) {
        const stored = [...world.answered.values()].filter(({ change }) =>
          change.version.includes(`-${replica.device.name}-`),
        );
        const { outcomes } = world.log.push(
          stored.map(({ change }) => change),
          { device: replica.device.name },
        );
        for (const [index, answer] of outcomes.entries()) {
          demand(answer?.duplicate === true, "a resend was not recognised");
          demand(answer?.outcome === stored[index]?.outcome, "a resend got another outcome");
        }
      }
      demand(world.log.versions.length === before.versions, "a resend wrote a version");
      demand(world.log.position.digest === before.position.digest, "a resend changed the digest");
    });
  });

  test("I4: seq has no gaps, commit times never decrease, and accepted versions form one chain per record", () => {
    inAnyWorld(({ log }) => {
      const heads = new Map<string, string>();
      for (const [index, version] of log.versions.entries()) {
        demand(version.seq === index + 1, "gap in seq");
        demand(version.committedUs >= (log.versions[index - 1]?.committedUs ?? 0), "commit time went back");
        if (version.outcome !== "applied") continue;
        const head = heads.get(version.record);
        demand(head === undefined || version.parents.includes(head as never), `${version.version} left the chain`);
        heads.set(version.record, version.version);
      }
      for (const head of log.heads.values()) demand(heads.get(head.record) === head.version, "head is not the tip");
    });
  });

  test("I7: a device's edits are never reordered by their effective times, nor later than their receipt", () => {
    inAnyWorld(({ log }) => {
      for (const name of DEVICES) {
        const own = log.versions.filter((version) => version.device === name).sort((a, b) => a.sequence - b.sequence);
        for (const [index, version] of own.entries()) {
          demand(version.effectiveUs >= (own[index - 1]?.effectiveUs ?? 0), "own edits were reordered");
          demand(version.effectiveUs <= version.committedUs, "an edit comes from the future");
        }
      }
    });
  });

  test("I11: no live edge has a dead end and part_of never closes a cycle", () => {
    inAnyWorld(({ log }) => {
      const live = [...log.heads.values()].filter((head) => !head.deleted);
      const edges = live.filter((head) => head.kind === "relationship");
      for (const edge of edges) {
        for (const end of [edge.from, edge.to]) {
          demand(
            live.some((head) => head.record === end && head.kind === "entity"),
            `${edge.record} has a dead end`,
          );
        }
      }
      for (const start of edges) {
        const visited = new Set<string>();
        let reached = edges.filter((edge) => edge.from === start.to);
        while (reached.length > 0) {
          demand(!reached.some((edge) => edge.record === start.record), `${start.record} lies on a cycle`);
          for (const edge of reached) visited.add(edge.record);
          const ends = new Set(reached.map((edge) => edge.to));
          reached = edges.filter((edge) => ends.has(edge.from) && !visited.has(edge.record));
        }
      }
    });
  });

  test("I2: the digest is the sum over the live heads", () => {
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    inAnyWorld(({ log }) => {
      let digest = 0n;
      for (const head of log.heads.values()) {
        if (!head.deleted) digest = addToDigest(digest, digestTerm(head.record, head.version, sha256));
      }
      demand(digest === log.position.digest, "the digest went astray");
    });
  });

  test("I6: what a push sets does not depend on the order in which its changes stand", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        const stampsOf = (sequence: readonly number[]) => {
          const log = new MemoryLog();
          const phone = new TestDevice("phone");
          const changes = NODES.flatMap((record) => {
            const create = phone.edit(record, { a: 1, b: 1 }, { atUs: START_US });
            return [[create, phone.edit(record, { a: 2, b: 1 }, { parents: [create.version], atUs: START_US })]];
          });
          log.push(sequence.flatMap((index) => changes[index] ?? []));
          return NODES.map((record) => [log.head(record).stamps, log.head(record).effectiveUs]);
        };
        demand(
          JSON.stringify(stampsOf(order)) === JSON.stringify(stampsOf([0, 1, 2, 3])),
          "stamps depend on the order",
        );
      }),
    );
  });
});
