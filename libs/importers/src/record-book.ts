import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { uuidV5 } from "@funkygibbon/kernel/uuid";
import type { ImportScope, Omission, SourceContent } from "./import-format.ts";
import type { SourceEntity, SourceRecord, SourceRelationship } from "./source-record.ts";

/** The namespace of all ids that importers derive. */
const IMPORT_NAMESPACE = "5f0b8f0e-4d0c-4b0e-9a86-3a2f6d0f7c11";
/** The room of things of which nobody says where they stand. */
const UNASSIGNED = "Unassigned";

/** What a format's records have in common. */
export interface BookOptions {
  /** Part of every id. */
  readonly format: string;
  readonly source: SourceType;
}

/**
 * Collects what a source has. Ids depend on nothing but the household, the format, the name of the source and the
 * source's own ids. Homes and rooms that are known by name alone are one for all sources.
 */
export class RecordBook {
  readonly #options: BookOptions;
  readonly #scope: ImportScope;
  readonly #entities = new Map<RecordId, SourceRecord>();
  readonly #edges = new Map<RecordId, SourceRecord>();
  readonly #omitted: Omission[] = [];

  constructor(options: BookOptions, scope: ImportScope) {
    this.#options = options;
    this.#scope = scope;
  }

  /** The id of a record of this source. */
  own(path: readonly string[]): RecordId {
    return this.#derive([this.#options.format, this.#scope.sourceName, ...path]);
  }

  /** A node of this source. @param path the source's own ids. */
  entity(type: EntityType, path: readonly string[], body: JsonObject): RecordId {
    return this.#node({ id: this.own(path), type, body, basis: { kind: "remembered" } });
  }

  /** A node of this source of which it tells elsewhere more. @param path the source's own ids. */
  guess(type: EntityType, path: readonly string[], body: JsonObject): RecordId {
    return this.#node({ id: this.own(path), type, body, basis: { kind: "guessed" } });
  }

  /** An edge of this source. @param path the source's own ids; the type is added. */
  edge(type: RelationshipType, path: readonly string[], from: RecordId, to: RecordId): void {
    this.#edge({ id: this.own([...path, type]), type, from, to, basis: { kind: "remembered" } });
  }

  /** Puts something where the source says; else, until somebody says better, into a room that is called so. */
  place(path: readonly string[], thing: RecordId, place: RecordId | undefined, home: RecordId): void {
    this.placeOr(path, thing, place, () => this.room(UNASSIGNED, home));
  }

  /** As {@link place}, with somewhere else to be until somebody says better. */
  placeOr(path: readonly string[], thing: RecordId, place: RecordId | undefined, otherwise: () => RecordId): void {
    const basis = { kind: place === undefined ? "guessed" : "remembered" } as const;
    const to = place ?? otherwise();
    this.#edge({ id: this.own([...path, "located_in"]), type: "located_in", from: thing, to, basis });
  }

  /** The home: one in a household. */
  home(name = "Home"): RecordId {
    return this.#shared("home", ["home"], name);
  }

  /** A floor or another group of rooms that is known by its name alone. It stands in the home. */
  zone(name: string, home: RecordId): RecordId {
    return this.#standing("zone", name, home);
  }

  /** A room that is known by its name alone. @param within the home, or a zone of it; the first that is named counts. */
  room(name: string, within: RecordId): RecordId {
    return this.#standing("room", name, within);
  }

  /** Says that something stays out, and why. */
  omit(label: string, reason: string): void {
    this.#omitted.push({ label, reason });
  }

  /** All of it. */
  content(): SourceContent {
    return { records: [...this.#entities.values(), ...this.#edges.values()], omitted: this.#omitted };
  }

  #standing(type: "room" | "zone", written: string, within: RecordId): RecordId {
    const name = written.normalize("NFC");
    const from = this.#shared(type, [type, name], name);
    const id = this.#derive([type, name, "home"]);
    if (!this.#edges.has(id)) this.#edge({ id, type: "located_in", from, to: within, basis: { kind: "shared" } });
    return from;
  }

  #node(node: Pick<SourceEntity, "id" | "type" | "body" | "basis">): RecordId {
    const { source } = this.#options;
    this.#entities.set(node.id, { kind: "entity", source, ...node });
    return node.id;
  }

  #edge(edge: Pick<SourceRelationship, "id" | "type" | "from" | "to" | "basis">): void {
    const { source } = this.#options;
    this.#edges.set(edge.id, { kind: "relationship", body: {}, source, ...edge });
  }

  #shared(type: EntityType, path: readonly string[], name: string): RecordId {
    const id = this.#derive(path);
    if (!this.#entities.has(id)) this.#node({ id, type, body: { name }, basis: { kind: "shared" } });
    return id;
  }

  #derive(path: readonly string[]): RecordId {
    const name = [this.#scope.household, ...path].join("\u001f");
    return uuidV5(IMPORT_NAMESPACE, name, this.#scope.sha1) as RecordId;
  }
}

/** The object with those of these keys that have something to say. */
export function known(entries: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(entries).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined),
  );
}
