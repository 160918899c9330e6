import type { EntityView, GraphView, Neighbour, RelationshipView } from "@funkygibbon/client/graph-view";
import { IMPORT_MEMORY_KEY } from "@funkygibbon/kernel/content";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { inverseName } from "@funkygibbon/kernel/relationship-type";
import { type Look, plain, shortId } from "./look.ts";
import { cutTo, fitTo, widthOf } from "./text-width.ts";

/** An entity as `--json` tells it. */
export interface EntityData {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly source: string;
  readonly version: string;
  readonly body: JsonObject;
}

/** A relationship as `--json` tells it. */
export interface RelationshipData {
  readonly id: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly source: string;
  readonly version: string;
  readonly properties: JsonObject;
}

/** A relationship as it is read from one of its ends. */
export interface LinkData {
  readonly relationship: string;
  /** The type, or its inverse name where it is read backwards. */
  readonly reads: string;
  readonly type: string;
  readonly inverse: boolean;
  readonly other: { readonly id: string; readonly type: string; readonly name: string };
}

/** The fields of an entity that `--json` tells. */
export function entityData({ id, type, name, source, version, body }: EntityView): EntityData {
  return { id, type, name, source, version, body };
}

/** The fields of a relationship that `--json` tells. */
export function relationshipData(edge: RelationshipView): RelationshipData {
  const { id, type, from, to, source, version, properties } = edge;
  return { id, type, from, to, source, version, properties };
}

/** What an entity is connected with. */
export function linksOf(neighbours: readonly Neighbour[]): readonly LinkData[] {
  return neighbours.map(({ entity, relationship, inverse }) => ({
    relationship: relationship.id,
    reads: inverse ? inverseName(relationship.type) : relationship.type,
    type: relationship.type,
    inverse,
    other: { id: entity.id, type: entity.type, name: entity.name },
  }));
}

/** An entity with what it says and what it is connected with. */
export function entityLines(entity: EntityData, links: readonly LinkData[], look: Look): readonly string[] {
  const { bold, dim, cyan } = look;
  const title = `${bold(titleOf(entity))}  ${cyan(entity.type)}  ${dim(entity.id)}`;
  return [title, ...bodyLines(entity.body, look), ...linkLines(links, look)];
}

/** A body, a key per line. */
export function bodyLines(body: JsonObject, { dim }: Look): readonly string[] {
  const keys = Object.keys(body).filter((key) => key !== IMPORT_MEMORY_KEY && key !== "name");
  const widest = Math.max(0, ...keys.map((key) => widthOf(plain(key))));
  return keys.map((key) => `  ${dim(fitTo(plain(key), widest))}  ${valueText(body[key])}`);
}

/** What something is connected with, grouped by how it reads. */
function linkLines(links: readonly LinkData[], { dim, cyan }: Look): readonly string[] {
  const groups = [...Map.groupBy(links, ({ reads }) => reads)];
  return groups.flatMap(([reads, group]) => [
    `  ${cyan(reads)}`,
    ...group.map(({ other, relationship }) => {
      return `    ${titleOf(other)}  ${dim(`${other.type} …${shortId(other.id)}, by …${shortId(relationship)}`)}`;
    }),
  ]);
}

/** A relationship as a sentence, and its properties. */
export function relationshipLines(
  edge: RelationshipData,
  names: { readonly from: string; readonly to: string },
  look: Look,
): readonly string[] {
  const { bold, cyan, dim } = look;
  const title = `${bold(plain(names.from))} ${cyan(edge.type)} ${bold(plain(names.to))}  ${dim(edge.id)}`;
  return [title, ...bodyLines(edge.properties, look)];
}

/** A live record for a person: type and name, or what connects what. */
export function recordTitle(graph: GraphView, id: RecordId): string | undefined {
  const entity = graph.entity(id);
  if (entity !== undefined) return `${entity.type} ${titleOf(entity)}`;
  const edge = graph.relationship(id);
  if (edge === undefined) return undefined;
  const [from, to] = [edge.from, edge.to].map((end) => graph.entity(end)?.name || shortId(end));
  return plain(`${from} ${edge.type} ${to}`);
}

/** What an entity is called: its name, else the end of its id. */
export function titleOf({ id, name }: { readonly id: string; readonly name: string }): string {
  return name === "" ? `…${shortId(id)}` : plain(name);
}

/** A value on one line. */
export function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return plain(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return plain(value.join(", "));
  return cutTo(plain(JSON.stringify(value)), 160);
}
