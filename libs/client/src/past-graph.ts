import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { CallOptions, Client as ConnectClient } from "@connectrpc/connect";
import { type Entity, EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { Direction, GraphService, type ReachedEntity } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { type Relationship, RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { DomainError, invalid } from "@funkygibbon/kernel/errors";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { parseVersion } from "@funkygibbon/kernel/version";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type { EntityView, FindOptions, Neighbour, NeighbourOptions, RelationshipView } from "./graph-view.ts";
import { serviceClient } from "./service-client.ts";
import type { PathOptions } from "./shortest-path.ts";

/** How the server is asked. */
export interface PastGraphOptions {
  /** The entity-store. */
  readonly url: string;
  readonly token: () => Promise<string>;
  /** The commit time as of which it answers. */
  readonly at: Date;
  /** Ends every question. */
  readonly signal?: AbortSignal;
  /** How long each may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
}

const WAYS = { out: Direction.OUT, in: Direction.IN, both: Direction.BOTH } as const;
const PAGE_SIZE = 1_000;
const MAX_NEIGHBOURS = 1_000;

/**
 * The graph as it was at a time in the past. A device keeps no past, so these questions go to the server: each may fail
 * with reason OFFLINE. An entity of which retention has removed the body has an empty one.
 */
export class PastGraph {
  readonly #at: ReturnType<typeof timestampFromDate>;
  readonly #signal: AbortSignal | undefined;
  readonly #entities: ConnectClient<typeof EntityService>;
  readonly #relationships: ConnectClient<typeof RelationshipService>;
  readonly #graph: ConnectClient<typeof GraphService>;

  /** @throws DomainError `invalid` when `at` is no time. */
  constructor(options: PastGraphOptions) {
    const isTime = options.at instanceof Date && !Number.isNaN(options.at.getTime());
    if (!isTime) throw invalid([{ field: "at", description: "must be a time" }]);
    this.#at = timestampFromDate(options.at);
    this.#signal = options.signal;
    this.#entities = serviceClient(EntityService, options);
    this.#relationships = serviceClient(RelationshipService, options);
    this.#graph = serviceClient(GraphService, options);
  }

  /** The entity as it was; undefined: there was none. */
  async entity(id: RecordId): Promise<EntityView | undefined> {
    const found = await unlessNotFound(this.#ask((at, call) => this.#entities.getEntity({ id, at }, call)));
    return found && entityView(must(found.entity, "an answer names its entity"));
  }

  /** The relationship as it was; undefined: there was none. */
  async relationship(id: RecordId): Promise<RelationshipView | undefined> {
    const found = await unlessNotFound(this.#ask((at, call) => this.#relationships.getRelationship({ id, at }, call)));
    return found && relationshipView(must(found.relationship, "an answer names its relationship"));
  }

  /**
   * The entities that matched, sorted by type, name and id.
   * @throws DomainError `invalid` for `text` and `where`, which the server cannot be asked about the past.
   */
  async find(options: Omit<FindOptions, "text" | "where"> = {}): Promise<readonly EntityView[]> {
    const { type, source, room, name, text, where }: FindOptions = options;
    const odd = text !== undefined ? "text" : where !== undefined ? "where" : undefined;
    if (odd !== undefined) throw invalid([{ field: odd, description: "is for the home of today only" }]);
    const found: EntityView[] = [];
    let pageToken = "";
    do {
      const request = {
        pageSize: PAGE_SIZE,
        pageToken,
        types: type === undefined ? [] : [entityTypes.toWire(type)],
        sources: source === undefined ? [] : [sourceTypes.toWire(source)],
        locatedInId: room ?? "",
        nameContains: name ?? "",
      };
      const page = await this.#ask((at, call) => this.#entities.listEntities({ ...request, at }, call));
      found.push(...page.entities.map(entityView));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return found;
  }

  /** What was one step away, at most a thousand; nothing of an entity that there was not. */
  async neighbours(id: RecordId, options: NeighbourOptions = {}): Promise<readonly Neighbour[]> {
    const request = {
      entityId: id,
      types: (options.types ?? []).map(relationshipTypes.toWire),
      direction: WAYS[options.direction ?? "both"],
      entityTypes: (options.entityTypes ?? []).map(entityTypes.toWire),
      limit: MAX_NEIGHBOURS,
    };
    const asked = this.#ask((at, call) => this.#graph.getNeighbours({ ...request, at }, call));
    return (await unlessNotFound(asked))?.neighbours.map(neighbour) ?? [];
  }

  /** A shortest way as it was; undefined: there was none. @throws DomainError `invalid` for a `maxDepth` above 20. */
  async path(from: RecordId, to: RecordId, options: PathOptions = {}): Promise<readonly Neighbour[] | undefined> {
    const { types = [], directed = false, maxDepth = 10 } = options;
    // To the server 0 says nothing.
    if (maxDepth < 1) return from === to ? [] : undefined;
    const request = { fromId: from, toId: to, types: types.map(relationshipTypes.toWire), directed, maxDepth };
    const found = await unlessNotFound(this.#ask((at, call) => this.#graph.findPath({ ...request, at }, call)));
    return found?.steps.map(neighbour);
  }

  async #ask<T>(question: (at: ReturnType<typeof timestampFromDate>, call: CallOptions) => Promise<T>): Promise<T> {
    try {
      return await question(this.#at, this.#signal === undefined ? {} : { signal: this.#signal });
    } catch (error) {
      throw error instanceof DomainError && error.reason === "UNAVAILABLE" ? offline(error) : error;
    }
  }
}

/** What is asked for; undefined: there is none. */
async function unlessNotFound<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof DomainError && error.kind === "not-found") return undefined;
    throw error;
  }
}

function offline(cause: DomainError): DomainError {
  const message = "the past is asked of the server, which cannot be reached";
  return new DomainError("unavailable", message, { reason: "OFFLINE", cause });
}

function neighbour({ entity, relationship, inverse }: ReachedEntity): Neighbour {
  return {
    entity: entityView(must(entity, "what was reached is named")),
    relationship: relationshipView(must(relationship, "what was reached was reached by an edge")),
    inverse,
  };
}

function entityView({ id, type, name, bodyJson, source, version }: Entity): EntityView {
  return {
    kind: "entity",
    id: parseRecordId(id),
    type: entityTypes.mustFromWire(type),
    name,
    body: bodyOf(bodyJson),
    source: sourceTypes.mustFromWire(source),
    version: parseVersion(version).id,
    edited: false,
  };
}

function relationshipView({ id, type, fromId, toId, propertiesJson, source, version }: Relationship): RelationshipView {
  return {
    kind: "relationship",
    id: parseRecordId(id),
    type: relationshipTypes.mustFromWire(type),
    from: parseRecordId(fromId),
    to: parseRecordId(toId),
    properties: bodyOf(propertiesJson),
    source: sourceTypes.mustFromWire(source),
    version: parseVersion(version).id,
    edited: false,
  };
}

function bodyOf(json: string): JsonObject {
  return json === "" ? {} : (JSON.parse(json) as JsonObject);
}
