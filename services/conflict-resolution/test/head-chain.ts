import { contentKeys, ENDS_KEY, type RecordContent } from "@funkygibbon/kernel/content";
import { type JsonObject, jsonEquals } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import type {
  ConflictDraft,
  ConflictPolicy,
  DivergedVersion,
  RecordVersion,
  Resolution,
  Strategy,
} from "@funkygibbon/kernel/record";
import { compactStamps, expandStamps, type Stamp } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import { resolveDivergence } from "../src/domain/resolve-divergence.ts";
import { endsOf } from "../src/domain/side.ts";
import { buildVersion, type VersionParts } from "./build-version.ts";

/** How a push of the model store ended. */
export type ModelOutcome = "applied" | "merged" | "superseded" | "pending_review";

/** An edit of the record with its wish. */
export interface Edit extends Omit<VersionParts, "stamps" | "parents"> {
  readonly parents: readonly VersionId[];
  readonly wish?: Strategy;
}

/**
 * One record as entity-store keeps it, in the simplest form that obeys protocol.md 2 to 4: fast-forwards, divergences,
 * merge versions with parents [head, change], per-key stamps from the difference to the parent. A model to test the
 * rules of merging in sequences of pushes; the real store has its own tests.
 */
export class HeadChain {
  readonly versions = new Map<VersionId, RecordVersion>();
  readonly outcomes = new Map<VersionId, ModelOutcome>();
  readonly conflicts: ConflictDraft[] = [];
  readonly #policy: ConflictPolicy | undefined;
  #head: RecordVersion | undefined;
  /** Versions that the head descends from or that were decided against it. */
  readonly #known = new Set<VersionId>();
  #merges = 0;

  constructor(policy?: ConflictPolicy) {
    this.#policy = policy;
  }

  get head(): RecordVersion {
    return must(this.#head, "the record exists");
  }

  push(edit: Edit): ModelOutcome {
    const change = this.#stamped(edit);
    const outcome = this.#commit(change, edit.wish);
    this.versions.set(change.version, change);
    this.outcomes.set(change.version, outcome);
    return outcome;
  }

  #commit(change: RecordVersion, wish: Strategy | undefined): ModelOutcome {
    const head = this.#head;
    if (head === undefined || change.parents.includes(head.version)) {
      this.#moveTo(change);
      return "applied";
    }
    const resolution = resolveDivergence({
      local: change,
      localTimes: "",
      server: head,
      base: this.#base(change),
      wish,
      policy: this.#policy,
      restored: change.deleted && !head.deleted && this.#descendsFromTombstone(head, change),
      serverCascade: false,
    });
    if (resolution.conflict !== undefined) this.conflicts.push(resolution.conflict);
    return this.#apply(change, head, resolution.decision);
  }

  #apply(change: RecordVersion, head: RecordVersion, decision: Resolution["decision"]): ModelOutcome {
    switch (decision.kind) {
      case "keep_head":
        this.#known.add(change.version);
        return "superseded";
      case "pending":
        return "pending_review";
      case "merged": {
        this.#known.add(change.version);
        const { bodyJson, ends, deleted, stamps } = decision.content;
        const content = ends === "local" ? change.content : head.content;
        const body = deleted ? null : (JSON.parse(must(bodyJson, "a live merge has a body")) as JsonObject);
        this.#merges += 1;
        const merge = buildVersion({ device: "merge.0000abcd", at: 1_000_000, sequence: this.#merges, body });
        this.#moveTo({ ...merge, parents: [head.version, change.version], content: { ...content, body }, stamps });
        return "merged";
      }
    }
  }

  #moveTo(version: RecordVersion): void {
    this.#head = version;
    this.versions.set(version.version, version);
    this.#known.add(version.version);
  }

  /** The change's newest parent that is stored. */
  #base(change: RecordVersion): RecordVersion | undefined {
    return change.parents.map((parent) => this.versions.get(parent)).findLast((parent) => parent !== undefined);
  }

  #descendsFromTombstone(version: RecordVersion, change: RecordVersion): boolean {
    const parents = version.parents.map((parent) => this.versions.get(parent)).filter((parent) => parent !== undefined);
    return parents.some(
      (parent) =>
        !change.parents.includes(parent.version) && (parent.deleted || this.#descendsFromTombstone(parent, change)),
    );
  }

  /** Per-key stamps: changed keys take the edit's, the others keep the parent's; a tombstone sets all (protocol.md, 3). */
  #stamped(edit: Edit): RecordVersion {
    const plain = { ...buildVersion({ ...edit, parents: [] }), parents: edit.parents };
    const parent = this.#base(plain);
    if (parent === undefined || plain.deleted) return plain;
    const own: Stamp = { effectiveUs: plain.effectiveUs, device: plain.device, sequence: plain.sequence };
    const stamps = stampsOf(parent);
    for (const key of new Set([...contentKeys(parent.content), ...contentKeys(plain.content)])) {
      if (!jsonEquals(valueIn(parent.content, key), valueIn(plain.content, key))) stamps.set(key, own);
    }
    return { ...plain, stamps: compactStamps(stamps, contentKeys(plain.content), own) };
  }
}

/** The stamps of all keys of a version. */
export function stampsOf(version: DivergedVersion): Map<string, Stamp> {
  const own = { effectiveUs: version.effectiveUs, device: version.device, sequence: version.sequence };
  return expandStamps(version.stamps, contentKeys(version.content), own);
}

function valueIn(content: RecordContent, key: string) {
  if (key === ENDS_KEY && content.kind === "relationship") return endsOf(content);
  return content.body !== null && Object.hasOwn(content.body, key) ? content.body[key] : undefined;
}
