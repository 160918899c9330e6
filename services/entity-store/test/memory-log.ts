import { createHash } from "node:crypto";
import type { Clock } from "@funkygibbon/kernel/clock";
import type { DeviceId, Epoch, HouseholdId, RecordId, UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictPolicy, ConflictRow, IncomingChange, LogPosition } from "@funkygibbon/kernel/record";
import {
  type CommitFacts,
  type DeviceClock,
  emptySheet,
  type FactNeeds,
  type FactSheet,
  type RememberedRequest,
  sequenceKey,
  wayKey,
} from "../src/domain/commit-facts.ts";
import type {
  ApiAction,
  ApiResult,
  CommitJob,
  DevicePush,
  PushResult,
  ResultOf,
  Settlement,
} from "../src/domain/commit-job.ts";
import type { CommitWrites } from "../src/domain/commit-plan.ts";
import { initialNeeds, planCommit } from "../src/domain/plan-commit.ts";
import { prepareChange } from "../src/domain/prepare-change.ts";
import { type Head, headOf, type StoredVersion } from "../src/domain/stored-version.ts";

export const HOUSEHOLD = "test-home" as HouseholdId;
export const EPOCH = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21" as Epoch;
export const ADA = "ada" as UserId;
/** 2026-11-22T09:00:00Z. */
export const START_US = Date.UTC(2026, 10, 22, 9) * 1_000;

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** When pushes are received, unless a test says so: late enough for whatever their devices claim. */
export const LONG_US = 86_400_000_000;

/** How a push departs from the ordinary: a device whose clock is right. */
export interface PushOptions {
  readonly device?: string;
  readonly user?: string;
  readonly clockOffsetUs?: number;
  readonly notBeforeUs?: number;
  readonly receivedUs?: number;
  readonly epoch?: string;
  readonly resolutions?: DevicePush["resolutions"];
}

/** What a log in memory begins with. */
export interface MemoryLogOptions {
  /** Default {@link EPOCH}. */
  readonly epoch?: Epoch;
  /** Default a clock of its own, which goes on by a second with each commit. */
  readonly clock?: Clock;
  /** Default counted from 1. */
  readonly newId?: () => string;
  /** What was committed before, as after a restore. */
  readonly commits?: readonly CommitWrites[];
}

/**
 * A household's log in memory: answers what plans ask and writes what they say, with nothing in common with the SQL but
 * the port. Checks at each commit that the log stays one without gaps.
 */
export class MemoryLog {
  /** Everything that was written, commit by commit. */
  readonly commits: CommitWrites[] = [];
  readonly versions: StoredVersion[] = [];
  readonly heads = new Map<RecordId, Head>();
  readonly conflicts = new Map<string, ConflictRow>();
  readonly policies: ConflictPolicy[] = [];
  readonly #clocks = new Map<DeviceId, DeviceClock>();
  readonly #requests = new Map<string, RememberedRequest>();
  readonly #clock: Clock | undefined;
  readonly #newId: () => string;
  position: LogPosition;
  nowUs = START_US;
  #ids = 0;

  constructor({ epoch = EPOCH, clock, newId, commits = [] }: MemoryLogOptions = {}) {
    this.#clock = clock;
    this.#newId = newId ?? (() => `00000000-0000-7000-8000-${String(++this.#ids).padStart(12, "0")}`);
    this.position = { epoch, headSeq: 0, digest: 0n, committedUs: 0 };
    for (const writes of commits) this.#write({ ...writes, position: { ...writes.position, epoch } });
  }

  /** Commits one job. */
  commit<Job extends CommitJob>(job: Job): ResultOf<Job> {
    this.nowUs = this.#clock?.now() ?? this.nowUs + 1_000_000;
    const sheet = emptySheet();
    this.#answer(initialNeeds(job), sheet);
    for (let round = 0; round < 12; round++) {
      const facts: CommitFacts = {
        ...sheet,
        position: this.position,
        anyOpenConflict: [...this.conflicts.values()].some((row) => row.decision === "open"),
      };
      const plan = planCommit(job, facts, { nowUs: this.nowUs, sha256, newId: this.#newId });
      if (plan.kind === "ready") {
        if (plan.writes !== undefined) this.#write(plan.writes);
        return plan.result as ResultOf<Job>;
      }
      this.#answer(plan.needs, sheet);
    }
    throw new Error("the plan never had enough facts");
  }

  /** As retention does it. */
  removeBody(version: string): void {
    const index = this.versions.findIndex((stored) => stored.version === version);
    const stored = must(this.versions[index], "the version is in the log");
    this.versions[index] = { ...stored, content: { ...stored.content, body: null }, bodyText: null, bodyRemoved: true };
  }

  /** Pushes changes of one device. */
  push(changes: readonly IncomingChange[], options: PushOptions = {}): PushResult {
    const device = (options.device ?? changes[0]?.version.match(/Z-(.+)-\d+$/)?.[1] ?? "phone") as DeviceId;
    const receivedUs = options.receivedUs ?? START_US + LONG_US;
    return this.commit({
      kind: "push",
      household: HOUSEHOLD,
      user: (options.user ?? ADA) as UserId,
      epoch: (options.epoch ?? this.position.epoch) as Epoch,
      device,
      receivedUs,
      clockOffsetUs: options.clockOffsetUs ?? 0,
      notBeforeUs: options.notBeforeUs ?? 0,
      changes: changes.map((change) => prepareChange(change, { device, sha256 })),
      resolutions: options.resolutions ?? [],
    });
  }

  /** Writes through the API. */
  api(action: ApiAction, options: { requestId?: string; fingerprint?: string; dryRun?: boolean } = {}): ApiResult {
    const { requestId, fingerprint = "f", dryRun = false } = options;
    return this.commit({
      kind: "api",
      household: HOUSEHOLD,
      user: ADA,
      receivedUs: this.nowUs,
      origin: { channel: "api", clientName: "test", tool: "", callId: "call-1" },
      request: requestId === undefined ? undefined : { id: requestId, fingerprint },
      dryRun,
      action,
    });
  }

  /** Settles a conflict as it is now, against the head as it is now. */
  settle(
    id: string,
    decision: Settlement["decision"],
    content?: Settlement["content"],
    changed: Partial<Settlement> = {},
  ) {
    const row = must(this.conflicts.get(id), "the conflict exists");
    return this.commit({
      kind: "settlement",
      household: HOUSEHOLD,
      user: ADA,
      receivedUs: this.nowUs,
      conflictId: id,
      etag: row.etag,
      expectedHead: this.heads.get(row.record)?.version,
      decision,
      content,
      fields: [],
      origin: { channel: "api", clientName: "test", tool: "", callId: "call-1" },
      request: undefined,
      dryRun: false,
      ...changed,
    });
  }

  /** The head of a record; fails when there is none. */
  head(record: string): StoredVersion {
    const head = must(this.heads.get(record as RecordId), `record ${record} has a head`);
    return must(head.detail, "heads in memory are whole");
  }

  /** The version with this id. */
  version(id: string): StoredVersion {
    return must(
      this.versions.find((version) => version.version === id),
      `version ${id} is in the log`,
    );
  }

  /** The newest versions of all devices. */
  clocks(): Iterable<DeviceClock> {
    return this.#clocks.values();
  }

  openConflicts(): ConflictRow[] {
    return [...this.conflicts.values()].filter((row) => row.decision === "open");
  }

  #write(writes: CommitWrites): void {
    this.commits.push(writes);
    if (writes.previous.headSeq !== this.position.headSeq) throw new Error("planned from another position");
    for (const version of writes.versions) {
      if (version.seq !== this.versions.length + 1) throw new Error(`gap before seq ${version.seq}`);
      const taken = this.versions.some((one) => one.device === version.device && one.sequence === version.sequence);
      if (taken) throw new Error(`sequence used twice: ${version.version}`);
      this.versions.push(version);
    }
    for (const head of writes.heads) this.heads.set(head.record, headOf(head.detail, head.digestTerm));
    for (const clock of writes.clocks) {
      const known = this.#clocks.get(clock.device);
      if (known === undefined || known.sequence < clock.sequence) this.#clocks.set(clock.device, clock);
    }
    for (const row of [...writes.newConflicts, ...writes.changedConflicts]) this.conflicts.set(row.id, row);
    if (writes.request !== undefined) {
      const { key, result, createdUs } = writes.request;
      this.#requests.set(key.id, { fingerprint: key.fingerprint, result, createdUs });
    }
    this.position = writes.position;
  }

  #answer(needs: FactNeeds, sheet: FactSheet): void {
    for (const record of needs.heads.keys()) sheet.heads.set(record, this.heads.get(record) ?? null);
    for (const [key, wanted] of needs.sequences) {
      const found = this.versions.find(
        (version) => version.device === wanted.device && version.sequence === wanted.sequence,
      );
      sheet.sequences.set(
        key,
        found === undefined
          ? null
          : { ...found, kind: found.content.kind, outcome: must(found.outcome, "stored versions have one") },
      );
    }
    for (const device of needs.clocks) sheet.clocks.set(device, this.#clocks.get(device) ?? null);
    for (const wanted of needs.neighbours.values()) {
      const own = this.versions
        .filter((version) => version.device === wanted.device)
        .sort((a, b) => a.sequence - b.sequence);
      sheet.neighbours.set(sequenceKey(wanted), {
        lowerUs: own.findLast((version) => version.sequence < wanted.sequence)?.effectiveUs,
        higherUs: own.find((version) => version.sequence > wanted.sequence)?.effectiveUs,
      });
    }
    for (const [key, { entity, fate }] of needs.edges) {
      const touching = [...this.heads.values()].filter((head) => head.from === entity || head.to === entity);
      sheet.edges.set(
        key,
        touching.filter((head) => (fate === "dies" ? !head.deleted : head.cascaded)),
      );
      for (const edge of touching) sheet.heads.set(edge.record, edge);
    }
    for (const start of needs.ways.values()) this.#answerWay(start.type, start.node, sheet);
    for (const record of needs.openConflicts) {
      sheet.openConflicts.set(
        record,
        this.openConflicts().filter((row) => row.record === record),
      );
    }
    for (const record of needs.lineages) {
      const entries = this.versions.filter((version) => version.record === record);
      sheet.lineages.set(
        record,
        entries.map((entry) => ({ ...entry, outcome: must(entry.outcome, "stored versions have one") })),
      );
    }
    for (const [key, wanted] of needs.versions) {
      const found = this.versions.find(({ record, version }) => record === wanted.record && version === wanted.version);
      sheet.versions.set(key, found ?? null);
    }
    for (const id of needs.conflicts) sheet.conflicts.set(id, this.conflicts.get(id) ?? null);
    for (const id of needs.requests) sheet.requests.set(id, this.#requests.get(id) ?? null);
    if (needs.policies) sheet.policies = this.policies;
  }

  #answerWay(type: Head["type"], node: RecordId, sheet: FactSheet): void {
    if (type !== "located_in" && type !== "part_of") return;
    const key = wayKey({ type, node });
    if (sheet.ways.has(key)) return;
    const edges = [...this.heads.values()].flatMap((head) =>
      head.type === type && head.from === node && !head.deleted && head.to !== undefined
        ? [{ type, record: head.record, from: node, to: head.to }]
        : [],
    );
    sheet.ways.set(key, edges);
    for (const edge of edges) this.#answerWay(type, edge.to, sheet);
  }
}
