import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  GoAwayReason,
  type Hello,
  type PulledRecord,
  PulledRecordSchema,
  type Push,
  type SyncStreamResponse,
  SyncStreamResponseSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import { FrameQueue } from "../frame-queue.ts";
import { nodeSha256 } from "../node-hashes.ts";
import type { DeviceFrame, OpenOptions, Transport, TransportSession } from "../transport.ts";

/** A head or a version of the model's log. */
export interface ModelVersion {
  readonly record: string;
  readonly version: string;
  readonly change: Change;
  readonly deleted: boolean;
  readonly seq: number;
  readonly author: string;
}

/** A frame, spelt without the machinery of messages. */
type ServerSays = NonNullable<MessageInitShape<typeof SyncStreamResponseSchema>["frame"]>;

interface Answer {
  readonly outcome: Outcome;
  readonly seq: number;
  readonly reason?: string;
}

/** How the model decides what the real services decide by their rules. */
export interface ModelRules {
  /** A change that diverged: becomes a merge, loses, or waits for a person. */
  diverged: (change: Change) => "merge" | "supersede" | "review";
  /** Why a change is rejected; undefined: it is not. */
  reject: (change: Change) => string | undefined;
  pageSize: number;
}

/**
 * A server in memory that keeps the promises of docs/protocol.md that a client can observe: gap-free seq, first
 * outcomes for resends, heads, own stamps, digest. It decides divergences by `rules` and not by merging.
 */
export class ModelServer {
  household = "h1";
  role = "member";
  /** The network swallows whatever devices say. */
  hearsNothing = false;
  epochNumber = 0;
  readonly rules: ModelRules = { diverged: () => "merge", reject: () => undefined, pageSize: 3 };
  log: ModelVersion[] = [];
  heads = new Map<string, ModelVersion>();
  answers = new Map<string, Answer>();
  readonly sessions = new Set<ModelSession>();
  /** Every push as it came in, for tests that look at what was said. */
  readonly pushes: { readonly device: string; readonly kind: "push" | "heal"; readonly changes: readonly Change[] }[] =
    [];
  readonly hellos: Hello[] = [];
  sessionKeys = new Map<string, string[]>();
  highest = new Map<string, number>();

  get epoch(): string {
    return `01930000-0000-7000-8000-${String(this.epochNumber + 1).padStart(12, "0")}`;
  }

  get headSeq(): number {
    return this.log.length;
  }

  get digest(): bigint {
    let digest = 0n;
    for (const head of this.heads.values()) {
      if (head.deleted) continue;
      digest = addToDigest(digest, digestTerm(head.record as RecordId, head.version as VersionId, nodeSha256));
    }
    return digest;
  }

  /** A way in for one device. */
  transport(): Transport {
    return { platform: "model", pushWindow: 2, open: (options) => new ModelSession(this, options) };
  }

  /** Goes back to the first `seq` versions, as a backup restored would, with another epoch. */
  restore(seq: number): void {
    this.epochNumber++;
    const kept = this.log.slice(0, seq);
    this.log = [];
    this.heads = new Map();
    this.answers = new Map([...this.answers].filter(([version]) => kept.some((entry) => entry.version === version)));
    for (const entry of kept) this.#append(entry, this.#wasHead(entry));
    for (const session of [...this.sessions])
      session.say({ case: "goAway", value: { reason: GoAwayReason.EPOCH_CHANGED } });
  }

  commit(change: Change, author: string): Answer {
    const known = this.answers.get(change.version);
    if (known !== undefined) return { ...known, seq: this.#seqOf(change.recordId) };
    const reason = this.rules.reject(change);
    if (reason !== undefined) return { outcome: Outcome.REJECTED, seq: this.#seqOf(change.recordId), reason };
    if (this.#missesAnEnd(change)) return { outcome: Outcome.DEFERRED, seq: this.#seqOf(change.recordId) };
    const outcome = this.#decide(change, author);
    const answer = { outcome, seq: this.#seqOf(change.recordId) };
    this.answers.set(change.version, answer);
    return answer;
  }

  /** Commits what a device pushed. */
  push(kind: "push" | "heal", device: string, changes: readonly Change[], pushed: (version: string) => void) {
    this.pushes.push({ device, kind, changes });
    const outcomes = changes.map((change) => {
      const duplicate = this.answers.has(change.version);
      const { outcome, seq, reason } = this.commit(change, change.heal?.author ?? device);
      pushed(change.version);
      const rejection = reason === undefined ? {} : { rejection: { reason, field: "", message: "" } };
      const { recordId, version } = change;
      return { recordId, version, outcome, headSeq: BigInt(seq), duplicate, ...rejection };
    });
    return { outcomes, headSeq: BigInt(this.headSeq) };
  }

  /** Tells every session what is new. */
  publish(): void {
    for (const session of this.sessions) session.pull();
  }

  #decide(change: Change, author: string): Outcome {
    const head = this.heads.get(change.recordId);
    const entry = this.#entry(change, author);
    if (head === undefined && (change.parentVersions.length === 0 || change.heal !== undefined)) {
      this.#append(entry, true);
      return Outcome.APPLIED;
    }
    if (head === undefined) {
      this.#append(entry, false);
      return Outcome.PENDING_REVIEW;
    }
    if (change.heal === undefined && change.parentVersions.includes(head.version)) {
      this.#append(entry, true);
      return Outcome.APPLIED;
    }
    const verdict = this.rules.diverged(change);
    this.#append(entry, false);
    if (verdict !== "merge") return verdict === "review" ? Outcome.PENDING_REVIEW : Outcome.SUPERSEDED;
    const seq = this.headSeq + 1;
    const version = `2026-01-01T00:00:00.000Z-merge.${this.epoch.slice(-8)}-${String(seq).padStart(6, "0")}`;
    const merged = { ...change, version, parentVersions: [head.version, change.version] };
    this.#append(this.#entry(merged, "server"), true);
    return Outcome.MERGED;
  }

  #entry(change: Change, author: string): ModelVersion {
    const { recordId: record, version, deleted } = change;
    return { record, version, change, deleted, seq: 0, author };
  }

  #append(entry: ModelVersion, isHead: boolean): void {
    const stored = { ...entry, seq: this.log.length + 1, wasHead: isHead };
    this.log.push(stored);
    if (isHead) this.heads.set(entry.record, stored);
    const [device, sequence] = deviceAndSequence(entry.version);
    this.highest.set(device, Math.max(sequence, this.highest.get(device) ?? 0));
  }

  #wasHead(entry: ModelVersion): boolean {
    return "wasHead" in entry && entry.wasHead === true;
  }

  #seqOf(record: string): number {
    return this.heads.get(record)?.seq ?? 0;
  }

  #missesAnEnd(change: Change): boolean {
    if (change.content.case !== "relationship") return false;
    const { fromId, toId } = change.content.value;
    return !this.heads.has(fromId) || !this.heads.has(toId);
  }
}

/** One session with the model. Frames travel by microtasks; `cut` ends it as a broken network does. */
export class ModelSession implements TransportSession {
  readonly frames = new FrameQueue<SyncStreamResponse>();
  readonly #server: ModelServer;
  device = "";
  #cursor = 0;
  #snapshotSeq = 0;
  #frameId = 0n;
  #unacked = 0;
  #welcomed = false;
  #saidUpTo = -1;
  readonly #pushed = new Set<string>();

  constructor(server: ModelServer, { signal }: OpenOptions) {
    this.#server = server;
    server.sessions.add(this);
    signal.addEventListener("abort", () => this.close(), { once: true });
  }

  send(frame: DeviceFrame): Promise<void> {
    if (!this.#server.sessions.has(this) || this.#server.hearsNothing) return Promise.resolve();
    switch (frame.case) {
      case "hello":
        this.#hello(frame.value);
        break;
      case "push":
      case "heal":
        this.#push(frame.case, frame.value);
        break;
      case "ack":
        this.#unacked = 0;
        this.pull();
        break;
    }
    return Promise.resolve();
  }

  close(): void {
    this.#server.sessions.delete(this);
    this.frames.end();
  }

  /** The network breaks: what was said may not arrive. */
  cut(): void {
    this.#server.sessions.delete(this);
    this.frames.fail(new DomainError("unavailable", "cut", { reason: "CUT" }));
  }

  say(frame: ServerSays): void {
    const { household: householdId, epoch } = this.#server;
    this.frames.push(create(SyncStreamResponseSchema, { householdId, epoch, frame }));
  }

  /** Sends what is above the cursor while there is credit, then up to date. */
  pull(): void {
    if (!this.#welcomed) return;
    const server = this.#server;
    while (this.#cursor < server.headSeq && this.#unacked < 4) this.#page();
    if (this.#cursor < server.headSeq || this.#saidUpTo === this.#cursor) return;
    this.#saidUpTo = this.#cursor;
    const value = { headSeq: BigInt(server.headSeq), digest: server.digest, cursor: this.#cursorText() };
    this.say({ case: "upToDate", value: { ...value, vectorClock: {} } });
  }

  #page(): void {
    const server = this.#server;
    const heads = [...server.heads.values()]
      .filter((head) => head.seq > this.#cursor && !(head.deleted && head.seq <= this.#snapshotSeq))
      .sort((a, b) => a.seq - b.seq);
    const page = heads.slice(0, server.rules.pageSize);
    this.#cursor = page.length < heads.length ? (page.at(-1)?.seq ?? 0) : server.headSeq;
    this.#frameId += 1n;
    this.#unacked++;
    const value = {
      frameId: this.#frameId,
      records: page.map((head) => this.#pulled(head)),
      cursor: this.#cursorText(),
      headSeq: BigInt(server.headSeq),
    };
    this.say({ case: "changes", value: value });
  }

  #pulled(head: ModelVersion): PulledRecord {
    const { record: recordId, version, author } = head;
    const seq = BigInt(head.seq);
    if (this.#pushed.has(version)) {
      const own = { recordId, version, seq, author, effectiveUs: head.change.claimedUs };
      return create(PulledRecordSchema, { record: { case: "own", value: own } });
    }
    const [deviceId, sequence] = deviceAndSequence(version);
    const value = {
      recordId,
      version,
      seq,
      author,
      deviceId,
      sequence: BigInt(sequence),
      parentVersions: head.change.parentVersions,
      content: head.change.content,
      deleted: head.deleted,
      claimedUs: head.change.claimedUs,
      effectiveUs: head.change.claimedUs,
      stamps: head.change.heal?.stamps ?? [],
    };
    return create(PulledRecordSchema, { record: { case: "version", value: value } });
  }

  #hello(hello: Hello): void {
    const server = this.#server;
    server.hellos.push(hello);
    this.device = hello.deviceId;
    if (hello.epoch !== "" && hello.epoch !== server.epoch) {
      this.say({ case: "goAway", value: { reason: GoAwayReason.EPOCH_CHANGED } });
      return;
    }
    for (const other of server.sessions) if (other !== this && other.device === this.device) other.close();
    const keys = server.sessionKeys.get(this.device) ?? [];
    const forked = keys.length > 0 && !keys.includes(Buffer.from(hello.sessionKey).toString("hex"));
    const key = crypto.getRandomValues(new Uint8Array(8));
    server.sessionKeys.set(this.device, [...keys, Buffer.from(key).toString("hex")].slice(-2));
    const [from, snapshot] = hello.cursor === "" ? [0, server.headSeq] : hello.cursor.split("/").map(Number);
    this.#cursor = from ?? 0;
    this.#snapshotSeq = snapshot ?? 0;
    this.#welcomed = true;
    const highestSequence = BigInt(server.highest.get(this.device) ?? 0);
    const welcome = { sessionKey: key, role: server.role, headSeq: BigInt(server.headSeq), highestSequence, forked };
    this.say({ case: "welcome", value: { ...welcome, credit: 4 } });
    this.pull();
  }

  #push(kind: "push" | "heal", push: Push): void {
    const answer = this.#server.push(kind, this.device, push.changes, (version) => this.#pushed.add(version));
    this.say({ case: "pushResult", value: { pushId: push.pushId, ...answer } });
    this.#server.publish();
  }

  #cursorText(): string {
    return `${this.#cursor}/${this.#snapshotSeq}`;
  }
}

function deviceAndSequence(version: string): [device: string, sequence: number] {
  const end = version.lastIndexOf("-");
  return [version.slice("2026-01-01T00:00:00.000Z-".length, end), Number(version.slice(end + 1))];
}
