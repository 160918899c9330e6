import type { Micros } from "@funkygibbon/kernel/clock";
import type { Sha256 } from "@funkygibbon/kernel/content";
import { addToDigest, type Digest, digestTerm, subtractFromDigest } from "@funkygibbon/kernel/digest";
import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import { isReservedDevice, shortEpoch } from "@funkygibbon/kernel/ids";
import type { LogPosition, StoredOutcome } from "@funkygibbon/kernel/record";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { formatVersion, type VersionId } from "@funkygibbon/kernel/version";
import {
  type CommitFacts,
  type DeviceClock,
  type EntityFate,
  fateKey,
  needHead,
  versionKey,
  wayKey,
} from "./commit-facts.ts";
import { known } from "./missing-fact.ts";
import { type Head, headOf, type LineageEntry, type StoredVersion } from "./stored-version.ts";

/** What planning takes from outside: time, hash, fresh ids. */
export interface PlanContext {
  readonly nowUs: Micros;
  readonly sha256: Sha256;
  /** A UUIDv7. */
  readonly newId: () => string;
}

/** A version to append; place and commit time are the log's to give. */
export type Appended = Omit<StoredVersion, "seq" | "committedUs" | "outcome">;

/** What the server mints under: `merge` for merges and settlements, `api` and `mcp` for writes, `server` for cascades. */
export type MintingChannel = "merge" | "api" | "mcp" | "server";

/** A version of the plan as it will be written. */
export interface PlannedVersion extends StoredVersion {
  readonly outcome: StoredOutcome;
}

/** A head of the plan; a later one of the same record replaces it. */
export interface PlannedHead extends Head {
  readonly detail: PlannedVersion;
  /** The record had a head in the log already. */
  readonly replaces: boolean;
}

/**
 * The log as it would be after what has been planned so far: the facts that were read, and over them what this commit
 * appends. Asking it for something that was not read interrupts the plan.
 */
export class WorkingLog {
  readonly facts: CommitFacts;
  readonly context: PlanContext;
  /** The time of this commit: now, but always later than the last one's. */
  readonly committedUs: Micros;
  readonly versions: PlannedVersion[] = [];
  readonly newHeads = new Map<RecordId, PlannedHead>();
  #seq: number;
  #digest: Digest;
  /** Records of edges that this commit has changed, by the ends that they have had in it. */
  readonly #edgesFrom = new Map<RecordId, Set<RecordId>>();
  readonly #edgesTo = new Map<RecordId, Set<RecordId>>();
  readonly #byVersion = new Map<string, PlannedVersion>();
  readonly #byRecord = new Map<RecordId, PlannedVersion[]>();

  constructor(facts: CommitFacts, context: PlanContext) {
    this.facts = facts;
    this.context = context;
    this.committedUs = Math.max(context.nowUs, facts.position.committedUs + 1);
    this.#seq = facts.position.headSeq;
    this.#digest = facts.position.digest;
  }

  /** Where the log stands after the plan. */
  get position(): LogPosition {
    const committedUs = this.versions.length === 0 ? this.facts.position.committedUs : this.committedUs;
    return { epoch: this.facts.position.epoch, headSeq: this.#seq, digest: this.#digest, committedUs };
  }

  /** The head as it is now; undefined when the record has none. */
  head(record: RecordId): Head | undefined {
    const planned = this.newHeads.get(record);
    if (planned !== undefined) return planned;
    return known(this.facts.heads.get(record), (needs) => needHead(needs, record, false)) ?? undefined;
  }

  /** The whole version of a head. */
  detail(head: Head): StoredVersion {
    // Heads come along with other facts too, without their version; what was asked for since is among the heads.
    const read = this.facts.heads.get(head.record);
    const detail = head.detail ?? (read?.version === head.version ? read.detail : undefined);
    return known(detail, (needs) => needHead(needs, head.record, true));
  }

  /** A version of this record with its body, planned or stored; undefined when there is none. */
  version(record: RecordId, version: VersionId): StoredVersion | undefined {
    const key = versionKey({ record, version });
    const planned = this.#byVersion.get(key);
    if (planned !== undefined) return planned;
    const head = this.facts.heads.get(record);
    if (head?.version === version && head.detail !== undefined) return head.detail;
    return known(this.facts.versions.get(key), (needs) => needs.versions.set(key, { record, version })) ?? undefined;
  }

  /** Every version of a record: what the log has, and what this commit appends. */
  lineage(record: RecordId): { readonly stored: readonly LineageEntry[]; readonly planned: readonly LineageEntry[] } {
    const stored = known(this.facts.lineages.get(record), (needs) => needs.lineages.add(record));
    return { stored, planned: this.#byRecord.get(record) ?? [] };
  }

  /** The live edges at an entity that is about to die, or the ones that a deletion took when it is to live; by their ids. */
  edgesAt(entity: RecordId, fate: EntityFate["fate"]): Head[] {
    const key = fateKey({ entity, fate });
    const stored = known(this.facts.edges.get(key), (needs) => needs.edges.set(key, { entity, fate }));
    const unchanged = stored.filter((edge) => !this.newHeads.has(edge.record));
    const changed = this.#changedEdges(this.#edgesAt(entity))
      .filter((edge) => edge.from === entity || edge.to === entity)
      .filter((edge) => (fate === "dies" ? !edge.deleted : edge.cascaded));
    // The order of the reading is nobody's promise, and the same facts have to give the same plan.
    return [...unchanged, ...changed].sort((a, b) => (a.record < b.record ? -1 : 1));
  }

  /** The nodes that live edges of this type lead to from a node, leaving out one edge. */
  upwards(type: RelationshipType, node: RecordId, except: RecordId): RecordId[] {
    const stored = known(this.facts.ways.get(wayKey({ type, node })), (needs) =>
      needs.ways.set(wayKey({ type, node }), { type, node }),
    );
    const unchanged = stored.filter((edge) => !this.newHeads.has(edge.record));
    // Not those that lead to it, which may be thousands, and are looked for at each of them.
    const changed = this.#changedEdges(this.#edgesFrom.get(node)).filter(
      (edge) => !edge.deleted && edge.type === type && edge.from === node,
    );
    return [...unchanged, ...changed].flatMap((edge) =>
      edge.record === except || edge.to === undefined ? [] : [edge.to],
    );
  }

  /**
   * The effective time of a version that the server mints on top of these: that of the commit, and always later than
   * theirs, which a coordinator may have taken from a clock that is ahead of ours.
   */
  mintedUs(parents: readonly Pick<StoredVersion, "effectiveUs">[]): Micros {
    return Math.max(this.committedUs, ...parents.map(({ effectiveUs }) => effectiveUs + 1));
  }

  /** The identity of the next version, when the server mints it. */
  mint(channel: MintingChannel): { version: VersionId; device: DeviceId; sequence: number } {
    const device = `${channel}.${shortEpoch(this.facts.position.epoch)}` as DeviceId;
    const sequence = this.#seq + 1;
    return { version: formatVersion(this.committedUs, device, sequence), device, sequence };
  }

  /** Whether this server writes under that device, in this epoch. */
  mints(device: DeviceId): boolean {
    return isReservedDevice(device) && device.endsWith(`.${shortEpoch(this.facts.position.epoch)}`);
  }

  /** Appends a version that does not become head. */
  preserve(version: Appended, outcome: Exclude<StoredOutcome, "applied">): PlannedVersion {
    return this.#append(version, outcome);
  }

  /** Appends a version that becomes the head of its record. Rules are the caller's; the digest is kept here. */
  accept(version: Appended): PlannedHead {
    const before = this.head(version.record);
    const planned = this.#append(version, "applied");
    const head = {
      ...headOf(planned, digestTerm(planned.record, planned.version, this.context.sha256)),
      detail: planned,
      replaces: (this.facts.heads.get(version.record) ?? null) !== null,
    };
    if (before !== undefined && !before.deleted) this.#digest = subtractFromDigest(this.#digest, before.digestTerm);
    if (!head.deleted) this.#digest = addToDigest(this.#digest, head.digestTerm);
    this.newHeads.set(head.record, head);
    indexEdge(this.#edgesFrom, head.from, head.record);
    indexEdge(this.#edgesTo, head.to, head.record);
    return head;
  }

  /** The newest version by sequence of each device that this plan raises. */
  raisedClocks(): DeviceClock[] {
    const newest = new Map<DeviceId, DeviceClock>();
    for (const { device, sequence, version, effectiveUs } of this.versions) {
      if (isReservedDevice(device)) continue;
      const known = newest.get(device);
      if (known === undefined || known.sequence < sequence)
        newest.set(device, { device, sequence, version, effectiveUs });
    }
    return [...newest.values()];
  }

  #append(version: Appended, outcome: StoredOutcome): PlannedVersion {
    this.#seq += 1;
    const planned = { ...version, seq: this.#seq, committedUs: this.committedUs, outcome };
    this.versions.push(planned);
    this.#byVersion.set(versionKey(planned), planned);
    const ofRecord = this.#byRecord.get(planned.record) ?? [];
    ofRecord.push(planned);
    this.#byRecord.set(planned.record, ofRecord);
    return planned;
  }

  #edgesAt(entity: RecordId): Set<RecordId> {
    return new Set([...(this.#edgesFrom.get(entity) ?? []), ...(this.#edgesTo.get(entity) ?? [])]);
  }

  #changedEdges(records: Iterable<RecordId> = []): PlannedHead[] {
    return [...records].flatMap((record) => this.newHeads.get(record) ?? []);
  }
}

function indexEdge(index: Map<RecordId, Set<RecordId>>, end: RecordId | undefined, edge: RecordId): void {
  if (end === undefined) return;
  const edges = index.get(end) ?? new Set();
  edges.add(edge);
  index.set(end, edges);
}
