import type { SourceFile } from "../import-format.ts";
import { JsonPlace, mustDiffer, readJson } from "../json-place.ts";

/** One node of a Matter fabric, as far as it was read. */
export interface MatterNode {
  /** Decimal digits: node ids are 64 bits wide. */
  readonly id: string;
  readonly endpoints: readonly MatterEndpoint[];
}

/** One endpoint of a node. */
export interface MatterEndpoint {
  readonly id: number;
  /** Ids of Descriptor.DeviceTypeList. */
  readonly deviceTypes: readonly number[];
  /** Ids of the clusters that it serves. */
  readonly clusters: readonly number[];
  /** Endpoints of Descriptor.PartsList. */
  readonly parts: readonly number[];
  /** The value of an attribute; undefined: not told. */
  attribute(cluster: number, attribute: number): JsonPlace | undefined;
}

const DESCRIPTOR = 29;
/** Attributes that every cluster has are numbered from here. */
const GLOBAL_ATTRIBUTES = 0xfff0;

/**
 * Reads nodes as python-matter-server has them: one node, a list, `{"nodes": …}` as a list or by id, or the answer
 * `{"result": …}` of `get_nodes`. Attributes stand under `endpoint/cluster/attribute` in `attributes`, or nested in
 * `endpoints` → `clusters` → `attributes`.
 * @throws DomainError `invalid` naming the path at fault.
 */
export function parseMatterDump(file: SourceFile): readonly MatterNode[] {
  const places = nodePlaces(readJson(file));
  const nodes = places.map(nodeAt);
  mustDiffer(
    places.map((place) => place.at("node_id")),
    (id) => id.id(),
  );
  return nodes;
}

function nodePlaces(root: JsonPlace): readonly JsonPlace[] {
  if (Array.isArray(root.value)) return new JsonPlace(root.file, "nodes", root.value).list();
  const result = root.at("result");
  if (!result.isAbsent) return Array.isArray(result.value) ? result.list() : nodePlaces(result);
  const nodes = root.at("nodes");
  if (nodes.isAbsent) return [root];
  return Array.isArray(nodes.value) ? nodes.list() : Object.keys(nodes.fields()).map((id) => nodes.at(id));
}

function nodeAt(place: JsonPlace): MatterNode {
  const attributes = attributesOf(place);
  const endpoints = [...Map.groupBy(attributes, ({ endpoint }) => endpoint)].sort(([a], [b]) => a - b);
  return { id: place.at("node_id").id(), endpoints: endpoints.map(([id, own]) => endpointOf(id, own)) };
}

interface Attribute {
  readonly endpoint: number;
  readonly cluster: number;
  readonly attribute: number;
  readonly place: JsonPlace;
}

function attributesOf(node: JsonPlace): readonly Attribute[] {
  const flat = node.at("attributes");
  if (!flat.isAbsent) return Object.keys(flat.fields()).map((path) => flatAttribute(flat, path));
  return childrenOf(node.at("endpoints"), (endpoint, id) =>
    childrenOf(endpoint.at("clusters"), (cluster, clusterId) =>
      childrenOf(cluster.at("attributes"), (place, attribute) => [
        { endpoint: id, cluster: clusterId, attribute, place },
      ]),
    ),
  );
}

function flatAttribute(attributes: JsonPlace, path: string): Attribute {
  const place = new JsonPlace(attributes.file, `${attributes.path}["${path}"]`, attributes.fields()[path]);
  const [endpoint, cluster, attribute, ...rest] = path.split("/").map(numberOf);
  if (endpoint === undefined || cluster === undefined || attribute === undefined || rest.length > 0) {
    throw place.fault("must stand under endpoint/cluster/attribute");
  }
  return { endpoint, cluster, attribute, place };
}

function childrenOf<T>(place: JsonPlace, read: (child: JsonPlace, id: number) => readonly T[]): readonly T[] {
  return Object.keys(place.fields()).flatMap((key) => {
    const id = numberOf(key);
    if (id === undefined) throw place.at(key).fault("must stand under a number");
    return read(place.at(key), id);
  });
}

/** Decimal, or hexadecimal with 0x. */
function numberOf(text: string): number | undefined {
  return /^(?:\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text) ? Number(text) : undefined;
}

function endpointOf(id: number, attributes: readonly Attribute[]): MatterEndpoint {
  const byPath = new Map(attributes.map(({ cluster, attribute, place }) => [`${cluster}/${attribute}`, place]));
  const attribute = (cluster: number, number: number) => byPath.get(`${cluster}/${number}`);
  const served = attribute(DESCRIPTOR, 1)?.optionalList().map(wholeNumber);
  // Without a descriptor, what has attributes of its own is served.
  const told = attributes.filter((one) => one.attribute < GLOBAL_ATTRIBUTES).map(({ cluster }) => cluster);
  return {
    id,
    deviceTypes: attribute(DESCRIPTOR, 0)?.optionalList().map(deviceTypeAt) ?? [],
    clusters: [...new Set(served ?? told)].sort((a, b) => a - b),
    parts: attribute(DESCRIPTOR, 3)?.optionalList().map(wholeNumber) ?? [],
    attribute,
  };
}

/** `{"0": 256, "1": 2}` by field number, or by name. */
function deviceTypeAt(place: JsonPlace): number {
  const byNumber = place.at("0");
  return wholeNumber(byNumber.isAbsent ? place.at("deviceType") : byNumber);
}

function wholeNumber(place: JsonPlace): number {
  return Number(place.id());
}
