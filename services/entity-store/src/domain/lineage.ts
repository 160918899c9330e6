import type { VersionId } from "@funkygibbon/kernel/version";
import type { LineageEntry } from "./stored-version.ts";

/** The parents of an edit that is in the same push and not in the log. */
export type UnstoredParents = (version: VersionId) => readonly VersionId[] | undefined;

/**
 * How the versions of one record descend from each other. A version counts as known to the head when it is in the log
 * and decided: accepted ones form the chain to the head, superseded and merged ones were weighed by a head of that
 * chain (docs/protocol.md, 4 rule 2). Those that wait for a person are not known to it.
 */
export class Lineage {
  readonly #stored: StoredVersions;
  readonly #planned: ReadonlyMap<VersionId, LineageEntry>;
  readonly #waiting: ReadonlySet<VersionId>;

  /**
   * @param stored The versions of the record in the log, in any order; never changed afterwards.
   * @param open The device's versions of the record's open conflicts.
   * @param planned What is about to be stored.
   */
  constructor(stored: readonly LineageEntry[], open: readonly VersionId[], planned: readonly LineageEntry[] = []) {
    this.#stored = storedVersions(stored);
    this.#planned = new Map(planned.map((entry) => [entry.version, entry]));
    this.#waiting = this.#undecided(open);
  }

  /** Whether the head has this version behind it. */
  isKnownToHead(version: VersionId): boolean {
    return this.#find(version) !== undefined && !this.#waiting.has(version);
  }

  /** Whether the head descends from a version that the log has never seen: something that the head knows names it as its parent. */
  isNamedAncestor(version: VersionId): boolean {
    const planned = [...this.#planned.values()].filter((entry) => entry.parents.includes(version));
    return [...planned, ...this.#stored.childrenOf(version)].some((child) => !this.#waiting.has(child.version));
  }

  /** These versions and everything that they descend from, as far as that is known. */
  closure(versions: readonly VersionId[], unstored: UnstoredParents = () => undefined): Set<VersionId> {
    const reached = new Set<VersionId>();
    const waiting = [...versions];
    for (let version = waiting.pop(); version !== undefined; version = waiting.pop()) {
      if (reached.has(version)) continue;
      reached.add(version);
      waiting.push(...(this.#find(version)?.parents ?? unstored(version) ?? []));
    }
    return reached;
  }

  /**
   * The base of a merge of the head with an edit of these parents: the ancestor of the edit that the head knows and
   * that is no ancestor of another such one; of several the one with the greatest seq (docs/protocol.md, 4 rule 2).
   */
  base(parents: readonly VersionId[], unstored: UnstoredParents): VersionId | undefined {
    const nearest = this.#nearestKnown(parents, unstored);
    // Mostly it is the edit's own parent, and whatever that descends from need not be gone through.
    const overtaken = nearest.length < 2 ? new Set() : this.closure(nearest.flatMap((entry) => entry.parents));
    let base: LineageEntry | undefined;
    for (const entry of nearest) {
      if (!overtaken.has(entry.version) && (base === undefined || entry.seq > base.seq)) base = entry;
    }
    return base?.version;
  }

  /** What the head knows of these versions, and of those behind the ones that it does not know. */
  #nearestKnown(versions: readonly VersionId[], unstored: UnstoredParents): LineageEntry[] {
    const nearest: LineageEntry[] = [];
    const reached = new Set<VersionId>();
    const waiting = [...versions];
    for (let version = waiting.pop(); version !== undefined; version = waiting.pop()) {
      if (reached.has(version)) continue;
      reached.add(version);
      const entry = this.#find(version);
      if (entry !== undefined && this.isKnownToHead(version)) nearest.push(entry);
      else waiting.push(...(entry?.parents ?? unstored(version) ?? []));
    }
    return nearest;
  }

  /** Whether the record was brought back from a deletion by an accepted version that is not among `seen`. */
  wasRestoredUnseen(seen: ReadonlySet<VersionId>): boolean {
    return [...this.#all()].some(
      (entry) =>
        entry.outcome === "applied" &&
        !entry.deleted &&
        !seen.has(entry.version) &&
        entry.parents.some((parent) => this.#find(parent)?.deleted === true),
    );
  }

  /** The newest accepted version that is no tombstone. */
  newestLive(): VersionId | undefined {
    let newest: LineageEntry | undefined;
    for (const entry of this.#all()) {
      if (entry.outcome !== "applied" || entry.deleted) continue;
      if (newest === undefined || entry.seq > newest.seq) newest = entry;
    }
    return newest?.version;
  }

  /** What an open conflict is about, and what that was built on as long as it waits too. */
  #undecided(open: readonly VersionId[]): Set<VersionId> {
    const undecided = new Set<VersionId>();
    const waiting = [...open];
    for (let version = waiting.pop(); version !== undefined; version = waiting.pop()) {
      const entry = this.#find(version);
      if (entry?.outcome !== "pending_review" || undecided.has(version)) continue;
      undecided.add(version);
      waiting.push(...entry.parents);
    }
    return undecided;
  }

  #find(version: VersionId): LineageEntry | undefined {
    return this.#planned.get(version) ?? this.#stored.get(version);
  }

  *#all(): Generator<LineageEntry> {
    yield* this.#stored.entries;
    yield* this.#planned.values();
  }
}

/** The versions of a record in the log, of which there may be tens of thousands, by version and by parent. */
class StoredVersions {
  readonly entries: readonly LineageEntry[];
  #byVersion: ReadonlyMap<VersionId, LineageEntry> | undefined;
  /** Only late and diverged edits ask. */
  #byParent: ReadonlyMap<VersionId, readonly LineageEntry[]> | undefined;

  constructor(entries: readonly LineageEntry[]) {
    this.entries = entries;
  }

  get(version: VersionId): LineageEntry | undefined {
    this.#byVersion ??= new Map(this.entries.map((entry) => [entry.version, entry]));
    return this.#byVersion.get(version);
  }

  childrenOf(version: VersionId): readonly LineageEntry[] {
    this.#byParent ??= byParent(this.entries);
    return this.#byParent.get(version) ?? [];
  }
}

function byParent(entries: readonly LineageEntry[]): Map<VersionId, LineageEntry[]> {
  const children = new Map<VersionId, LineageEntry[]>();
  for (const entry of entries) {
    for (const parent of entry.parents) {
      const known = children.get(parent);
      if (known === undefined) children.set(parent, [entry]);
      else known.push(entry);
    }
  }
  return children;
}

/** A commit is planned anew with each reading, and whenever something was planned; what it has read of a record stays. */
const known = new WeakMap<readonly LineageEntry[], StoredVersions>();

function storedVersions(entries: readonly LineageEntry[]): StoredVersions {
  const versions = known.get(entries) ?? new StoredVersions(entries);
  known.set(entries, versions);
  return versions;
}
