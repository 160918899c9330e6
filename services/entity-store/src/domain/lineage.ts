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
  readonly #entries: ReadonlyMap<VersionId, LineageEntry>;
  readonly #waiting: ReadonlySet<VersionId>;
  /** The parents of all that the head knows; only late and diverged edits ask. */
  #named: ReadonlySet<VersionId> | undefined;

  /** @param open The device's versions of the record's open conflicts. */
  constructor(entries: readonly LineageEntry[], open: readonly VersionId[]) {
    this.#entries = new Map(entries.map((entry) => [entry.version, entry]));
    this.#waiting = this.#undecided(open);
  }

  /** Whether this version is in the log. */
  has(version: VersionId): boolean {
    return this.#entries.has(version);
  }

  /** Whether the head has this version behind it. */
  isKnownToHead(version: VersionId): boolean {
    return this.#entries.has(version) && !this.#waiting.has(version);
  }

  /** Whether the head descends from a version that the log has never seen: something that the head knows names it as its parent. */
  isNamedAncestor(version: VersionId): boolean {
    this.#named ??= new Set(
      [...this.#entries.values()].flatMap((entry) => (this.#waiting.has(entry.version) ? [] : entry.parents)),
    );
    return this.#named.has(version);
  }

  /** These versions and everything that they descend from, as far as that is known. */
  closure(versions: readonly VersionId[], unstored: UnstoredParents = () => undefined): Set<VersionId> {
    const reached = new Set<VersionId>();
    const waiting = [...versions];
    for (let version = waiting.pop(); version !== undefined; version = waiting.pop()) {
      if (reached.has(version)) continue;
      reached.add(version);
      waiting.push(...(this.#entries.get(version)?.parents ?? unstored(version) ?? []));
    }
    return reached;
  }

  /**
   * The base of a merge of the head with an edit of these parents: the ancestor of the edit that the head knows and
   * that is no ancestor of another such one; of several the one with the greatest seq (docs/protocol.md, 4 rule 2).
   */
  base(parents: readonly VersionId[], unstored: UnstoredParents): VersionId | undefined {
    const candidates = [...this.closure(parents, unstored)].filter((version) => this.isKnownToHead(version));
    const overtaken = this.closure(candidates.flatMap((version) => this.#entries.get(version)?.parents ?? []));
    let base: LineageEntry | undefined;
    for (const version of candidates) {
      const entry = this.#entries.get(version);
      if (entry === undefined || overtaken.has(version)) continue;
      if (base === undefined || entry.seq > base.seq) base = entry;
    }
    return base?.version;
  }

  /** Whether the record was brought back from a deletion by an accepted version that is not among `seen`. */
  wasRestoredUnseen(seen: ReadonlySet<VersionId>): boolean {
    return [...this.#entries.values()].some(
      (entry) =>
        entry.outcome === "applied" &&
        !entry.deleted &&
        !seen.has(entry.version) &&
        entry.parents.some((parent) => this.#entries.get(parent)?.deleted === true),
    );
  }

  /** The newest accepted version that is no tombstone. */
  newestLive(): VersionId | undefined {
    let newest: LineageEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.outcome !== "applied" || entry.deleted) continue;
      if (newest === undefined || entry.seq > newest.seq) newest = entry;
    }
    return newest?.version;
  }

  #undecided(open: readonly VersionId[]): Set<VersionId> {
    const waiting = new Set<VersionId>();
    for (const version of this.closure(open)) {
      if (this.#entries.get(version)?.outcome === "pending_review") waiting.add(version);
    }
    return waiting;
  }
}
