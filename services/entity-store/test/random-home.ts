import { DomainError } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { assertNever, must } from "@funkygibbon/kernel/must";
import type { Divergence, IncomingChange, MergedContent, Resolution } from "@funkygibbon/kernel/record";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { formatVersion } from "@funkygibbon/kernel/version";
import fc from "fast-check";
import type { ApiAction } from "../src/domain/commit-job.ts";
import { recordId, TestDevice } from "./changes.ts";
import { MemoryLog, START_US } from "./memory-log.ts";

const DEVICES = ["phone", "panel", "hub"] as const;
const BOXES = [1, 2, 3, 4].map(recordId);
const ROOM = recordId(5);
const NODES = [...BOXES, ROOM];
const EDGES = [11, 12, 13, 14].map(recordId);
/** Nobody has made these yet. */
const FRESH = Array.from({ length: 12 }, (_, n) => recordId(21 + n));
const RECORDS = [...NODES, ...EDGES];
/** The device whose edits only heals bring. */
const ATTIC = "attic";

/** Something that happens in or to the home; numbers point into the lists above. */
export type HomeAction =
  | { readonly kind: "edit"; readonly device: number; readonly node: number; readonly value: number }
  | { readonly kind: "remove"; readonly device: number; readonly record: number }
  | {
      readonly kind: "connect";
      readonly device: number;
      readonly edge: number;
      readonly from: number;
      readonly to: number;
    }
  /** New devices, now and then parts of others, now and then under an id that is taken. */
  | { readonly kind: "create"; readonly device: number; readonly records: readonly number[]; readonly parts: boolean }
  | { readonly kind: "push"; readonly device: number; readonly shuffled: boolean; readonly offsetHours: number }
  | { readonly kind: "pull"; readonly device: number }
  | { readonly kind: "resend"; readonly device: number; readonly half: boolean }
  | { readonly kind: "heal"; readonly device: number; readonly node: number; readonly value: number }
  | {
      readonly kind: "api";
      readonly what: "update" | "delete" | "restore";
      readonly record: number;
      readonly value: number;
    }
  | { readonly kind: "settle"; readonly conflict: number; readonly take: boolean };

const device = fc.nat(DEVICES.length - 1);
const node = fc.nat(NODES.length - 1);
const record = fc.nat(RECORDS.length - 1);
const value = fc.nat(3);

function weighted(weight: number, arbitrary: fc.Arbitrary<HomeAction>) {
  return { weight, arbitrary };
}

const action: fc.Arbitrary<HomeAction> = fc.oneof(
  weighted(4, fc.record({ kind: fc.constant("edit"), device, node, value })),
  weighted(2, fc.record({ kind: fc.constant("remove"), device, record })),
  weighted(
    4,
    fc.record({ kind: fc.constant("connect"), device, edge: fc.nat(EDGES.length - 1), from: node, to: node }),
  ),
  weighted(
    2,
    fc.record({
      kind: fc.constant("create"),
      device,
      records: fc.uniqueArray(fc.nat(FRESH.length - 1), { minLength: 1, maxLength: 4 }),
      parts: fc.boolean(),
    }),
  ),
  weighted(
    4,
    fc.record({
      kind: fc.constant("push"),
      device,
      shuffled: fc.boolean(),
      offsetHours: fc.integer({ min: -50, max: 50 }),
    }),
  ),
  weighted(6, fc.record({ kind: fc.constant("pull"), device })),
  weighted(1, fc.record({ kind: fc.constant("resend"), device, half: fc.boolean() })),
  weighted(1, fc.record({ kind: fc.constant("heal"), device, node, value })),
  weighted(
    2,
    fc.record({ kind: fc.constant("api"), what: fc.constantFrom("update", "delete", "restore"), record, value }),
  ),
  weighted(1, fc.record({ kind: fc.constant("settle"), conflict: fc.nat(3), take: fc.boolean() })),
);

/** What happens to a home in some weeks. */
export const homeActions: fc.Arbitrary<HomeAction[]> = fc.array(action, { minLength: 20, maxLength: 150, size: "max" });

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

/**
 * A small home that several devices edit at random, offline of each other: each builds on what it last saw, pushes when
 * it likes and pulls when it likes; the API, the inbox and heals come in between. Divergences are resolved by a coarse
 * resolver that knows one rule: a delete wins.
 */
export class RandomHome {
  readonly log: MemoryLog;
  readonly replicas = DEVICES.map((name) => new Replica(name));
  /** Every change that was answered as stored, with that answer. */
  readonly answered = new Map<string, { readonly change: IncomingChange; readonly outcome: string }>();
  /** Versions in which a person settled a conflict. */
  readonly settled = new Set<string>();
  readonly #attic = new TestDevice(ATTIC);
  #receivedUs = START_US;

  /** Begins with a home that everybody has seen. */
  constructor(log = new MemoryLog()) {
    this.log = log;
    for (const node of NODES.keys()) this.run({ kind: "edit", device: 0, node, value: 0 });
    this.run({ kind: "push", device: 0, shuffled: false, offsetHours: 0 });
    for (const device of DEVICES.keys()) this.run({ kind: "pull", device });
  }

  run(step: HomeAction): void {
    if (step.kind === "api") this.#write(step.what, RECORDS[step.record] ?? "", step.value);
    else if (step.kind === "settle") this.#settle(step.conflict, step.take);
    else this.#runOn(must(this.replicas[step.device], "an action names one of the devices"), step);
  }

  #runOn(replica: Replica, step: Exclude<HomeAction, { readonly kind: "api" | "settle" }>): void {
    switch (step.kind) {
      case "edit":
        this.#edit(replica, NODES[step.node] ?? "", { value: step.value, by: step.device });
        break;
      case "remove":
        this.#remove(replica, RECORDS[step.record] ?? "");
        break;
      case "connect":
        this.#connect(replica, EDGES[step.edge] ?? "", endsOf(NODES[step.from] ?? "", NODES[step.to] ?? ""));
        break;
      case "create":
        this.#create(
          replica,
          step.records.map((index) => FRESH[index] ?? ""),
          step.parts,
        );
        break;
      case "push":
        this.#push(replica, step.shuffled ? replica.unsent.toReversed() : replica.unsent, step.offsetHours);
        break;
      case "pull":
        replica.pull(this.log);
        break;
      case "resend":
        this.#push(replica, replica.sent.slice(step.half ? replica.sent.length / 2 : 0), 0);
        break;
      case "heal":
        this.#heal(replica, NODES[step.node] ?? "", step.value);
        break;
      default:
        assertNever(step, "home action");
    }
  }

  #edit(replica: Replica, record: string, body: JsonObject): void {
    replica.add(replica.device.edit(record, body, { parents: replica.parents(record), type: typeOf(record) }));
  }

  /** Pushed at once, without a look at what is there and ahead of what waits. */
  #create(replica: Replica, [first = "", second = first, ...others]: readonly string[], parts: boolean): void {
    const { device } = replica;
    const edge = { type: "part_of", from: first, to: second } as const;
    const more = others.map((record) => (parts ? device.connect(record, edge) : device.edit(record, { made: 3 })));
    const changes = [device.edit(first, { made: 1 }), device.edit(second, { made: 2 }), ...more];
    this.#push(replica, changes, 0);
  }

  #connect(replica: Replica, record: string, ends: ReturnType<typeof endsOf>): void {
    replica.add(replica.device.connect(record, ends, { parents: replica.parents(record) }));
  }

  #remove(replica: Replica, record: string): void {
    const parents = replica.parents(record);
    const head = this.log.heads.get(record as RecordId);
    if (parents.length === 0 || head === undefined) return;
    const ends = endsOf(head.from ?? "", head.to ?? "");
    const tombstone =
      head.kind === "entity"
        ? replica.device.remove(record, parents, { type: typeOf(record) })
        : replica.device.connect(record, ends, { parents, deleted: true });
    replica.add(tombstone);
  }

  #heal(replica: Replica, record: string, value: number): void {
    const lost = formatVersion(START_US, this.#attic.name as never, 900_000 + this.#attic.sequence);
    const heal = { author: "ben", device: ATTIC, stamps: () => [], effectiveUs: START_US + value * 1_000_000 };
    const options = { type: typeOf(record), heal, parents: value === 0 ? [] : [lost] };
    this.#push(replica, [this.#attic.edit(record, { value, by: ATTIC }, options)], 0);
  }

  #write(what: "update" | "delete" | "restore", record: string, value: number): void {
    const recordKind = EDGES.includes(record) ? "relationship" : "entity";
    const target = { record: record as RecordId, recordKind, expected: "any" } as const;
    const body = { kind: "patch", set: { api: value }, remove: value === 0 ? ["by"] : [] } as const;
    const actions: Record<typeof what, ApiAction> = {
      update: { ...target, kind: "update", body, ends: undefined, source: undefined },
      delete: { ...target, kind: "delete" },
      restore: { ...target, kind: "restore", version: undefined },
    };
    unlessRefused(() => this.log.api(actions[what], { requestId: `${what} ${record} ${value}` }));
  }

  #settle(number: number, take: boolean): void {
    const conflicts = [...this.log.conflicts.values()];
    const row = conflicts[number % Math.max(conflicts.length, 1)];
    if (row === undefined) return;
    const local = this.log.version(row.localVersion);
    const content = {
      bodyJson: local.bodyText ?? undefined,
      ends: "local",
      deleted: local.deleted,
      stamps: [],
    } as const;
    unlessRefused(() => {
      if (!take) {
        this.log.settle(row.id, "kept_server");
        return;
      }
      const settled = this.log.settle(row.id, "took_local", content);
      this.settled.add(must(settled.head, "what was taken is head").version);
    });
  }

  /** Pushes until nothing diverges any more. Deferred changes stay unsent; rejected ones are dropped. */
  #push(replica: Replica, changes: readonly IncomingChange[], offsetHours: number): void {
    this.#receivedUs += 1_000_000;
    const options = {
      device: replica.device.name,
      receivedUs: this.#receivedUs,
      clockOffsetUs: offsetHours * 3.6e9,
    };
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
        else if (outcome.outcome !== "rejected") this.#note(change, outcome.outcome);
      }
      if (result.divergences.length === 0) break;
      resolutions = result.divergences.map(resolve);
    }
    const isDone = (change: IncomingChange) => changes.includes(change) && !deferred.has(change.version);
    replica.sent.push(...replica.unsent.filter(isDone));
    replica.unsent = replica.unsent.filter((change) => !isDone(change));
  }

  #note(change: IncomingChange, outcome: string): void {
    const before = this.answered.get(change.version);
    if (before !== undefined && before.outcome !== outcome) throw new Error(`${before.outcome} became ${outcome}`);
    this.answered.set(change.version, { change, outcome });
  }
}

/** Boxes are devices, which may be parts of each other and stand in the room. */
function typeOf(record: string): "device" | "room" {
  return record === ROOM ? "room" : "device";
}

function endsOf(from: string, to: string): { type: RelationshipType; from: string; to: string } {
  return { type: to === ROOM ? "located_in" : "part_of", from, to };
}

function resolve({ local, localTimes, server, restored }: Divergence): Resolution {
  const shared = { record: local.record, localVersion: local.version, localTimes, serverVersion: server.version };
  if (local.sequence % 5 === 0) return { ...shared, decision: { kind: "keep_head" }, conflict: undefined };
  if (local.sequence % 7 === 0 || restored) return { ...shared, decision: { kind: "pending" }, conflict: undefined };
  const newer = local.effectiveUs >= server.effectiveUs ? local : server;
  const deleted = [local, server].find((side) => side.deleted);
  const pick = deleted ?? newer;
  const content: MergedContent = {
    bodyJson: pick.content.body === null ? undefined : JSON.stringify(pick.content.body),
    ends: pick === local ? "local" : "server",
    deleted: pick.deleted,
    stamps: [],
  };
  return { ...shared, decision: { kind: "merged", content }, conflict: undefined };
}

/** The API may say no. */
function unlessRefused(write: () => unknown): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind === "internal") throw error;
  }
}
