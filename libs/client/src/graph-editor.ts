import type { Clock } from "@funkygibbon/kernel/clock";
import { contentKeys, ENDS_KEY } from "@funkygibbon/kernel/content";
import { ENTITY_TYPES, type EntityType, SOURCE_TYPES, type SourceType } from "@funkygibbon/kernel/entity-type";
import { DomainError, failedPrecondition, invalid, notFound } from "@funkygibbon/kernel/errors";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import {
  canonicalJson,
  type JsonObject,
  jsonEquals,
  jsonGet,
  jsonObject,
  parseJsonObject,
} from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import { STRATEGIES, type Strategy } from "@funkygibbon/kernel/record";
import { mayConnect, RELATIONSHIP_TYPES, type RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { TextContent } from "@funkygibbon/wire/content";
import { type EditDraft, stageEdit } from "./edit-queue.ts";
import { mustBeOneOf } from "./given-options.ts";
import { bodyOf, lostBody } from "./replica-record.ts";
import type { ReplicaTransaction, Visible } from "./replica-transaction.ts";
import { strangeValue } from "./strange-value.ts";

/** A node to create. */
export interface NewEntity {
  /** Default: a fresh UUIDv7. */
  readonly id?: string;
  readonly type: EntityType;
  readonly body: JsonObject;
  /** Default `manual`. */
  readonly source?: SourceType;
}

/** An edge to create. */
export interface NewRelationship {
  /** Default: a fresh UUIDv7. */
  readonly id?: string;
  readonly type: RelationshipType;
  readonly from: string;
  readonly to: string;
  /** Default none. */
  readonly properties?: JsonObject;
  /** Default `manual`. */
  readonly source?: SourceType;
}

/** How an edit is made. */
export interface EditOptions {
  /** Top-level keys to take away. */
  readonly remove?: readonly string[];
  /** Default `manual`. */
  readonly source?: SourceType;
  /** Who is to win should histories have parted; default: as the household's policy says. */
  readonly wish?: Strategy;
}

/** How something is brought back. */
export interface RestoreOptions extends Pick<EditOptions, "source" | "wish"> {
  /** Default: as this device last saw it. */
  readonly body?: JsonObject;
  /** Of an edge: where it leads now. Default: where it did. */
  readonly ends?: { readonly from: RecordId; readonly to: RecordId };
}

type EdgeContent = Extract<TextContent, { kind: "relationship" }>;

/**
 * Edits the graph inside one transaction: all of it becomes durable together, or nothing. Edits show at once and need
 * no network. What says the same as before is no edit.
 */
export class GraphEditor {
  readonly #tx: ReplicaTransaction;
  readonly #clock: Clock;
  readonly #newId: () => RecordId;
  #isOver = false;

  constructor(tx: ReplicaTransaction, clock: Clock, newId: () => RecordId) {
    this.#tx = tx;
    this.#clock = clock;
    this.#newId = newId;
  }

  /**
   * Lets `work` edit. Afterwards nobody can: it would be in no transaction any more.
   * @throws what `work` does; DomainError `failed-precondition` with reason EDIT_WAITS when it gives a promise.
   */
  run<T>(work: (editor: GraphEditor) => T): T {
    try {
      const result = work(this);
      if (!(result instanceof Promise)) return result;
      // It will meet an editor that is over.
      result.catch(() => undefined);
      throw failedPrecondition("EDIT_WAITS", "edits of one transaction wait for nothing: fetch first, then edit");
    } finally {
      this.#isOver = true;
    }
  }

  /** Creates a node. @throws DomainError `already-exists`-like `failed-precondition` when the id is taken, `invalid` for a bad body. */
  create(entity: NewEntity): RecordId {
    const id = entity.id === undefined ? this.#newId() : parseRecordId(entity.id);
    this.#mustBeFree(id);
    const content: TextContent = {
      kind: "entity",
      type: mustBeOneOf(ENTITY_TYPES, entity.type, "type"),
      source: entity.source ?? "manual",
      bodyJson: bodyText(entity.body, "body"),
    };
    this.#stage({ record: id, content, changedKeys: [] });
    return id;
  }

  /** Sets the named top-level keys and leaves the others. @returns whether anything changed. @throws DomainError `not-found`. */
  update(id: string, patch: JsonObject, options: EditOptions = {}): boolean {
    const { remove = [] } = options;
    mustBeObject(patch, "patch");
    if (!Array.isArray(remove)) throw invalid([{ field: "remove", description: "must be a list of keys" }]);
    const visible = this.#mustBeLive(parseRecordId(id));
    return this.#write(visible, merged(bodyOf(visible), patch, remove), options);
  }

  /** Puts another body in the place of the old one. @returns whether anything changed. @throws DomainError `not-found`. */
  replace(id: string, body: JsonObject, options: EditOptions = {}): boolean {
    return this.#write(this.#mustBeLive(parseRecordId(id)), body, options);
  }

  /** Creates an edge. @throws DomainError `failed-precondition` when its ends are unknown or deleted, or may not be connected so. */
  relate(edge: NewRelationship): RecordId {
    const id = edge.id === undefined ? this.#newId() : parseRecordId(edge.id);
    this.#mustBeFree(id);
    const content: EdgeContent = {
      kind: "relationship",
      type: mustBeOneOf(RELATIONSHIP_TYPES, edge.type, "type"),
      from: parseRecordId(edge.from, "from"),
      to: parseRecordId(edge.to, "to"),
      source: edge.source ?? "manual",
      bodyJson: bodyText(edge.properties ?? {}, "properties"),
    };
    this.#mustConnect(content);
    this.#stage({ record: id, content, changedKeys: [] });
    return id;
  }

  /** Leads an edge elsewhere; its properties stay. @returns whether anything changed. @throws DomainError. */
  redirect(id: string, ends: { from?: string; to?: string }, options: EditOptions = {}): boolean {
    const record = parseRecordId(id);
    const content = this.#mustBeLive(record).content;
    if (content.kind !== "relationship") throw invalid([{ field: "id", description: "is not a relationship" }]);
    const moved: EdgeContent = {
      ...content,
      source: options.source ?? "manual",
      from: ends.from === undefined ? content.from : parseRecordId(ends.from, "from"),
      to: ends.to === undefined ? content.to : parseRecordId(ends.to, "to"),
    };
    if (moved.from === content.from && moved.to === content.to) return false;
    this.#mustConnect(moved);
    this.#stage({ record, content: moved, wish: options.wish, changedKeys: [ENDS_KEY] });
    return true;
  }

  /** Deletes a node or an edge. Edges of a deleted node are hidden here and deleted by the server. @throws DomainError `not-found`. */
  remove(id: string, options: Pick<EditOptions, "source" | "wish"> = {}): void {
    const record = parseRecordId(id);
    const visible = this.#mustBeLive(record);
    const content = { ...visible.content, source: options.source ?? "manual", bodyJson: "" };
    this.#stage({ record, content, deleted: true, ...lostBody(visible), wish: options.wish, changedKeys: [] });
  }

  /**
   * Brings back what was deleted, as this device last saw it, or with another body and other ends. The edges that went with
   * an entity come back from the server.
   * @throws DomainError `not-found`; `failed-precondition` with reason NOT_DELETED, or CONTENT_UNKNOWN when this device
   * never had it and is given no body: the server's EntityService restores that from its history.
   */
  restore(id: string, options: RestoreOptions = {}): void {
    const record = parseRecordId(id);
    const visible = this.#tx.visible(record);
    if (visible === undefined) throw notFound("record", record);
    if (!visible.deleted) throw failedPrecondition("NOT_DELETED", `record ${record} is not deleted`, { id: record });
    const { body, ends = {} } = options;
    const bodyJson = body === undefined ? visible.lostBodyJson : bodyText(body, "body");
    if (bodyJson === undefined) {
      throw failedPrecondition("CONTENT_UNKNOWN", `this device never had the content of record ${record}`, {
        id: record,
      });
    }
    const was = visible.content.kind === "relationship" ? { ...visible.content, ...ends } : visible.content;
    const content = { ...was, source: options.source ?? "manual", bodyJson };
    if (content.kind === "relationship") this.#mustConnect(content);
    const changedKeys = [...contentKeys({ ...content, body: bodyOf({ record, content }) })];
    this.#stage({ record, content, wish: options.wish, changedKeys });
  }

  #write(before: Visible, body: JsonObject, options: EditOptions): boolean {
    const bodyJson = bodyText(body, before.content.kind === "entity" ? "body" : "properties");
    const changedKeys = differingKeys(bodyOf(before), JSON.parse(bodyJson));
    if (changedKeys.length === 0) return false;
    const written = { ...before.content, source: options.source ?? "manual", bodyJson };
    this.#stage({ record: before.record, content: written, wish: options.wish, changedKeys });
    return true;
  }

  #stage(draft: Pick<EditDraft, "record" | "content" | "changedKeys"> & Partial<EditDraft>): void {
    if (this.#isOver) throw failedPrecondition("EDIT_OVER", "the transaction of this editor is over");
    mustBeOneOf(SOURCE_TYPES, draft.content.source, "source");
    if (draft.wish !== undefined) mustBeOneOf(STRATEGIES, draft.wish, "wish");
    stageEdit(this.#tx, { deleted: false, wish: undefined, ...draft }, this.#clock);
  }

  #mustBeLive(record: RecordId): Visible {
    const visible = this.#tx.visible(record);
    if (visible === undefined || visible.deleted) throw notFound("record", record);
    return visible;
  }

  #mustBeFree(record: RecordId): void {
    if (this.#tx.visible(record) === undefined) return;
    throw failedPrecondition("ALREADY_EXISTS", `record ${record} exists, or existed and was deleted`, { id: record });
  }

  /**
   * Both ends have to be here: one that nobody else ever hears of (withdrawn before it was sent, or rejected) would leave
   * the edge DEFERRED for its seven days.
   */
  #mustConnect(edge: EdgeContent): void {
    const [from, to] = [this.#endType(edge.from), this.#endType(edge.to)];
    if (!mayConnect(edge.type, from, to)) {
      throw failedPrecondition("FORBIDDEN_EDGE", `a ${from} cannot be ${edge.type} a ${to}`, { type: edge.type });
    }
  }

  #endType(end: RecordId): EntityType {
    const visible = this.#tx.visible(end);
    if (visible === undefined || visible.content.kind !== "entity") {
      throw failedPrecondition("ENDPOINT_UNKNOWN", `there is no entity ${end} on this device`, { id: end });
    }
    if (visible.deleted) throw failedPrecondition("ENDPOINT_DELETED", `entity ${end} is deleted`, { id: end });
    return visible.content.type;
  }
}

/**
 * The canonical text of a body. Not every app is compiled against the types: what JSON would leave out or turn into something
 * else (undefined, functions, dates, promises) is refused. @throws DomainError `invalid` naming `field` and the place in it.
 */
export function bodyText(body: JsonObject, field: string): string {
  mustBeObject(body, field);
  const strange = strangeValue(body, BODY_LIMITS.maxDepth);
  if (strange !== undefined) throw noJson(`${field}${strange.at}`, `${strange.what} is no JSON`);
  return parseJsonObject(writtenText(body, field), BODY_LIMITS, field).canonical;
}

function mustBeObject(value: unknown, field: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw invalid([{ field, description: "must be a JSON object" }], "NOT_AN_OBJECT");
}

function writtenText(body: JsonObject, field: string): string {
  try {
    return canonicalJson(body);
  } catch (error) {
    // Of what is nested so deeply that it cannot be gone through.
    throw error instanceof DomainError ? error : noJson(field, "must be a JSON object");
  }
}

function noJson(field: string, description: string): DomainError {
  return invalid([{ field, description }], "INVALID_JSON");
}

function differingKeys(before: JsonObject, after: JsonObject): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => !jsonEquals(jsonGet(before, key), jsonGet(after, key)));
}

function merged(before: JsonObject, patch: JsonObject, remove: readonly string[]): JsonObject {
  const gone = new Set(remove);
  const kept = Object.entries(before).filter(([key]) => !gone.has(key));
  return jsonObject([...kept, ...Object.entries(patch)]);
}
