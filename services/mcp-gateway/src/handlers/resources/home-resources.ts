import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { EmbeddedResource, ReadResourceResult, Resource } from "@modelcontextprotocol/server";
import type { Entity } from "../../domain/graph.ts";
import { overviewOf } from "../../domain/home-overview.ts";
import { orNothing } from "../../domain/or-nothing.ts";
import type { CallContext, Resources } from "../feature.ts";
import { presentRef } from "../present.ts";
import {
  ADDRESS_KINDS,
  type AddressKind,
  addressTemplate,
  bestAddressOf,
  HOME_ADDRESS,
  parseAddress,
} from "./address.ts";
import { homePage } from "./home-page.ts";
import { manualPage } from "./manual-page.ts";

const PAGE = 100;
const NEIGHBOURS = 200;
const SUGGESTIONS = 100;
/** How many entities are looked through for the beginning of an id. */
const CANDIDATES = 500;
/** Longest text that a name is looked for with. */
const MAX_NAME = 200;

const HOME: Resource = {
  uri: HOME_ADDRESS,
  name: "home",
  title: "The home",
  description: "How much there is of what, and every room with its devices",
  mimeType: "text/markdown",
};

type Contents = EmbeddedResource["resource"];

interface Kind {
  readonly title: string;
  readonly description: string;
  readonly mimeType: string;
  /** Only entities of these types have such an address; empty: all. */
  readonly types: readonly EntityType[];
  read(entity: Entity, context: CallContext): Promise<string>;
}

const KINDS: Readonly<Record<AddressKind, Kind>> = {
  entity: {
    title: "An entity",
    description: "Everything about one entity and what it is related to",
    mimeType: "application/json",
    types: [],
    read: async (entity, context) => json(await detailsOf(entity, context)),
  },
  room: {
    title: "A room",
    description: "A room, what it is related to, and the devices in it",
    mimeType: "application/json",
    types: ["room"],
    async read(room, context) {
      const { graph, call } = context;
      const [details, { items, total }] = await Promise.all([
        detailsOf(room, context),
        graph.listEntities(call, { types: ["device"], locatedInId: room.id, limit: NEIGHBOURS }),
      ]);
      return json({ ...details, devices: items.map(presentLinked), device_count: total ?? items.length });
    },
  },
  manual: {
    title: "A manual",
    description: "The text of a manual, and what it is about",
    mimeType: "text/markdown",
    types: ["manual"],
    async read(manual, { graph, call }) {
      const relations = ["documented_by"] as const;
      const { items: neighbours } = await graph.getNeighbours(call, { id: manual.id, relations, limit: NEIGHBOURS });
      return manualPage(
        manual,
        neighbours.map(({ entity }) => entity),
      );
    },
  },
};

/** The home, its entities, rooms and manuals, read as of now. */
export const homeResources: Resources = {
  templates: ADDRESS_KINDS.map((kind) => {
    const { title, description, mimeType } = KINDS[kind];
    return { uriTemplate: addressTemplate(kind), name: kind, title, description, mimeType };
  }),

  async list(cursor, { graph, call }) {
    const page = await graph.listEntities(call, { types: [], limit: PAGE, cursor });
    const entities = page.items.map(listed);
    return {
      resources: cursor === undefined ? [HOME, ...entities] : entities,
      ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }),
    };
  },

  async read(uri, context) {
    const address = parseAddress(uri);
    if (address === undefined) return undefined;
    const { graph, call } = context;
    if (address.kind === "home") return contents(uri, HOME.mimeType, homePage(await overviewOf(graph, call)));
    const kind = KINDS[address.kind];
    const entity = await orNothing(graph.getEntity(call, address.id));
    if (entity === undefined || (kind.types.length > 0 && !kind.types.includes(entity.type))) return undefined;
    return contents(uri, kind.mimeType, await kind.read(entity, context));
  },

  async complete(template, { value }, { graph, call }) {
    const kind = ADDRESS_KINDS.find((each) => addressTemplate(each) === template);
    if (kind === undefined) return [];
    const { types } = KINDS[kind];
    const idsOf = async (nameContains: string | undefined, limit: number) =>
      (await graph.listEntities(call, { types, nameContains, limit })).items.map(({ id }) => id);
    // A person types a name, a program the beginning of an id.
    const named = await idsOf(value === "" ? undefined : value.slice(0, MAX_NAME), SUGGESTIONS);
    if (named.length > 0) return named;
    return (await idsOf(undefined, CANDIDATES)).filter((id) => id.startsWith(value.toLowerCase()));
  },
};

/** The page of the home, for a prompt to hold. */
export async function embeddedHome(context: CallContext): Promise<readonly Contents[]> {
  return (await homeResources.read(HOME_ADDRESS, context))?.contents ?? [];
}

/** An entity as it reads at its address, for a prompt to hold; nothing when it has just gone. */
export async function embeddedEntity(entity: Entity, context: CallContext): Promise<readonly Contents[]> {
  return (await homeResources.read(bestAddressOf(entity), context))?.contents ?? [];
}

/** Facts that have no address of their own, for a prompt to hold. */
export function embeddedJson(name: string, facts: unknown): Contents {
  return { uri: `funkygibbon://prompt/${name}`, mimeType: "application/json", text: json(facts) };
}

function listed(entity: Entity): Resource {
  const { type, name, id, updatedAt } = entity;
  const kind = KINDS[type === "room" || type === "manual" ? type : "entity"];
  return {
    uri: bestAddressOf(entity),
    name: name === "" ? `${type} ${id}` : name,
    description: `${type} of the home`,
    mimeType: kind.mimeType,
    annotations: { lastModified: updatedAt },
  };
}

async function detailsOf(entity: Entity, { graph, call }: CallContext) {
  const [places, around] = await Promise.all([
    graph.getAncestors(call, entity.id),
    graph.getNeighbours(call, { id: entity.id, limit: NEIGHBOURS }),
  ]);
  return {
    ...presentRef(entity),
    content: entity.content,
    etag: entity.etag,
    author: entity.author,
    updated_at: entity.updatedAt,
    located_in: places.map(presentLinked),
    relationships: around.items.map(({ relation, entity: other }) => ({ relation, entity: presentLinked(other) })),
    more_relationships: around.nextCursor !== undefined,
  };
}

function presentLinked(entity: Entity) {
  return { ...presentRef(entity), uri: bestAddressOf(entity) };
}

function contents(uri: string, mimeType: string | undefined, text: string): ReadResourceResult {
  return { contents: [{ uri, text, ...(mimeType === undefined ? {} : { mimeType }) }] };
}

function json(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}
