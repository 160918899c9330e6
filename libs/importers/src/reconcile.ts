import { bodyText } from "@funkygibbon/client/graph-editor";
import type { EntityView, RelationshipView } from "@funkygibbon/client/graph-view";
import { ENDS_KEY, IMPORT_MEMORY_KEY } from "@funkygibbon/kernel/content";
import { DomainError, invalid } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { type JsonObject, jsonEquals, jsonGet, jsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import { mayConnect } from "@funkygibbon/kernel/relationship-type";
import { memoryIn, memoryOf, type Sha1 } from "./import-memory.ts";
import type { ImportAction, ImportStep, PresentGraph } from "./import-plan.ts";
import { type SourceRecord, type SourceRelationship, saidBy } from "./source-record.ts";
import { compareSides } from "./three-way.ts";

/** What is compared with what. */
export interface ReconcilerOptions {
  readonly graph: PresentGraph;
  readonly records: readonly SourceRecord[];
  /** Which source, as memories name it. */
  readonly source: string;
  readonly sha1: Sha1;
  /** Whether what was deleted in the graph comes back. */
  readonly restoreDeleted: boolean;
}

/** A record as the graph has it. */
type Present = EntityView | RelationshipView;

const UNCHANGED: ImportAction = { kind: "unchanged" };

/** Why a body that is as it should be is none that a record may have. */
const UNFIT: ReadonlyMap<string, string> = new Map([
  ["BODY_TOO_LARGE", `is larger than the ${BODY_LIMITS.maxBytes / 1024} KiB that a record may have`],
  ["TOO_DEEP", "is nested deeper than a record may be"],
]);

/** Decides what becomes of each record of a source. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #byId: ReadonlyMap<RecordId, SourceRecord>;
  /** New ones that cannot be: what they connect cannot either. */
  readonly #leftOut = new Set<RecordId>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#byId = new Map(options.records.map((record) => [record.id, record]));
  }

  /**
   * For nodes before edges. What the graph would refuse is refused, or skipped, while nothing has happened yet.
   * @throws DomainError `invalid` when its body is no JSON that the graph takes.
   */
  stepFor(record: SourceRecord): ImportStep {
    const label = this.#labelOf(record);
    try {
      const action = this.#actionFor(record);
      const body = this.#bodyAfter(record.id, action);
      if (body !== undefined) bodyText(body, "body");
      return { record, label, action };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const reason = UNFIT.get(error.reason);
      if (reason === undefined) throw invalid([{ field: label, description: error.message }], "MALFORMED_IMPORT");
      if (this.#options.graph.standing(record.id) !== "live") this.#leftOut.add(record.id);
      return { record, label, action: skipped(reason) };
    }
  }

  /** What a record says after an action; undefined: what it does now. */
  #bodyAfter(id: RecordId, action: ImportAction): JsonObject | undefined {
    if (action.kind === "create" || action.kind === "restore") return action.body;
    if (action.kind !== "update") return undefined;
    const { graph } = this.#options;
    const present = graph.entity(id) ?? graph.relationship(id);
    const kept = Object.entries(present === undefined ? {} : bodyOf(present));
    const removed = new Set(action.remove);
    return jsonObject([...kept.filter(([key]) => !removed.has(key)), ...Object.entries(action.patch)]);
  }

  #actionFor(record: SourceRecord): ImportAction {
    const { graph, source, sha1 } = this.#options;
    const standing = graph.standing(record.id);
    if (standing === "deleted" && !this.#options.restoreDeleted)
      return skipped("was deleted here", { isDeleted: true });
    if (standing === "live" && record.basis.kind === "guessed") return UNCHANGED;
    const refusal = record.kind === "relationship" ? this.#refusalOf(record) : undefined;
    if (refusal !== undefined) return refusal;
    if (standing !== "live") {
      const remembers = record.basis.kind === "remembered" || record.basis.kind === "guessed";
      const memory = remembers ? { [IMPORT_MEMORY_KEY]: memoryOf(saidByRecord(record), source, sha1) } : {};
      return { kind: standing === "deleted" ? "restore" : "create", body: { ...record.body, ...memory } };
    }
    const present = record.kind === "entity" ? graph.entity(record.id) : graph.relationship(record.id);
    if (present === undefined && this.#isHidden(record)) return UNCHANGED;
    if (present === undefined || present.type !== record.type) return skipped("is something else here");
    switch (record.basis.kind) {
      case "guessed":
      case "shared":
        return UNCHANGED;
      case "history":
        return byHistory(record, record.basis.earlier, present);
      case "remembered":
        return this.#byMemory(record, present);
    }
  }

  /** For an edge that cannot be; undefined: it can. */
  #refusalOf({ type, from, to }: SourceRelationship): ImportAction | undefined {
    const { graph, restoreDeleted } = this.#options;
    const comesBack = (end: RecordId) => restoreDeleted && this.#byId.has(end);
    if ([from, to].some((end) => graph.standing(end) === "deleted" && !comesBack(end))) {
      return skipped("what it connects was deleted here", { isDeleted: true });
    }
    if ([from, to].some((end) => this.#leftOut.has(end))) return skipped("what it connects is left out");
    const [start, end] = [this.#typeOf(from), this.#typeOf(to)];
    if (start === undefined || end === undefined) return skipped("what it connects is not known");
    return mayConnect(type, start, end) ? undefined : skipped(`a ${start} cannot be ${type} a ${end}`);
  }

  /** Whether an edge shows again when its ends come back. */
  #isHidden(record: SourceRecord): boolean {
    if (record.kind === "entity") return false;
    return [record.from, record.to].some((end) => this.#options.graph.standing(end) === "deleted");
  }

  #typeOf(id: RecordId) {
    const record = this.#byId.get(id);
    return this.#options.graph.entity(id)?.type ?? (record?.kind === "entity" ? record.type : undefined);
  }

  #byMemory(record: SourceRecord, present: Present): ImportAction {
    const { source, sha1 } = this.#options;
    const wanted = saidByRecord(record);
    const remembered = memoryIn(bodyOf(present), source);
    const sides = { wanted, present: saidByView(present), remembered };
    const { take, drop, kept, over } = compareSides(sides, sha1);
    const memory = memoryOf(wanted, source, sha1);
    const keys = [...Object.keys(take), ...drop];
    if (keys.length === 0 && jsonEquals(jsonGet(bodyOf(present), IMPORT_MEMORY_KEY), memory)) {
      return kept.length === 0 ? UNCHANGED : { kind: "kept", keys: kept };
    }
    const { [ENDS_KEY]: moved, ...patch } = take;
    return {
      kind: "update",
      patch: { ...patch, [IMPORT_MEMORY_KEY]: memory },
      remove: drop,
      ends: moved === undefined ? undefined : endsOf(record),
      keys,
      over,
    };
  }

  #labelOf(record: SourceRecord): string {
    if (record.kind === "entity") return `${record.type} ${nameOf(record.body) ?? record.id}`;
    return `${this.#nameAt(record.from)} ${record.type} ${this.#nameAt(record.to)}`;
  }

  #nameAt(id: RecordId): string {
    const record = this.#byId.get(id);
    return (record && nameOf(record.body)) ?? (this.#options.graph.entity(id)?.name || id);
  }
}

/** The source knows what the record said earlier: whoever still says that has not edited it. */
function byHistory(record: SourceRecord, earlier: readonly JsonObject[], present: Present): ImportAction {
  const wanted = saidByRecord(record);
  const now = saidByView(present);
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(now)])].filter(
    (key) => !jsonEquals(jsonGet(wanted, key), jsonGet(now, key)),
  );
  if (keys.length === 0) return UNCHANGED;
  if (!earlier.some((said) => jsonEquals(said, now))) return { kind: "kept", keys };
  return {
    kind: "update",
    patch: record.body,
    remove: Object.keys(bodyOf(present)).filter((key) => !Object.hasOwn(record.body, key)),
    ends: keys.includes(ENDS_KEY) ? endsOf(record) : undefined,
    keys,
    over: [],
  };
}

function skipped(reason: string, { isDeleted } = { isDeleted: false }): ImportAction {
  return { kind: "skipped", reason, isDeleted };
}

function endsOf(record: SourceRecord) {
  return record.kind === "relationship" ? { from: record.from, to: record.to } : undefined;
}

function saidByRecord(record: SourceRecord): JsonObject {
  return saidBy(record.body, endsOf(record));
}

function saidByView(present: Present): JsonObject {
  return saidBy(bodyOf(present), present.kind === "relationship" ? present : undefined);
}

function bodyOf(present: Present): JsonObject {
  return present.kind === "entity" ? present.body : present.properties;
}

function nameOf(body: JsonObject): string | undefined {
  return typeof body.name === "string" ? body.name : undefined;
}
