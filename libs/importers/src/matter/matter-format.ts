import type { RecordId } from "@funkygibbon/kernel/ids";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { ImportFormat } from "../import-format.ts";
import { known, RecordBook } from "../record-book.ts";
import { assignRooms, dumpAndRooms, dumpName } from "../rooms-file.ts";
import { type MatterEndpoint, type MatterNode, parseMatterDump } from "./matter-dump.ts";
import { capabilitiesOf, clusterNameOf, deviceTypeOf, isApplication } from "./matter-types.ts";

const BASIC_INFORMATION = 40;
const BRIDGED_INFORMATION = 57;
const FEATURE_MAP = 0xfffc;

/**
 * Matter nodes: a device and an accessory per node and per bridged device, with a service for each endpoint that does
 * something; a bridged device depends on its bridge.
 */
export const matterFormat: ImportFormat = {
  name: "matter",
  summary: "nodes of python-matter-server; a rooms file beside them",
  recognizes: (files) => files.some(({ text }) => /"node_id"\s*:/.test(text)),
  sourceName: dumpName,
  read(files, scope) {
    const { dump, rooms } = dumpAndRooms("matter", files);
    const nodes = parseMatterDump(dump);
    const book = new RecordBook({ format: "matter", source: "matter" }, scope);
    const home = book.home(rooms?.home);
    for (const { name } of rooms?.rooms ?? []) book.room(name, home);
    // A node that was never interviewed, or not reached when the dump was made, says nothing of itself.
    const silent = nodes.filter(({ endpoints }) => !endpoints.some(({ id }) => id === 0));
    for (const { id } of silent) book.omit(`node ${id}`, "says nothing of itself: it has no endpoint 0");
    const things = nodes.filter((node) => !silent.includes(node)).flatMap(thingsOf);
    const placeable = [
      ...things.map(({ key, name }) => ({ id: key, name })),
      ...silent.map(({ id }) => ({ id, name: "" })),
    ];
    const placed = assignRooms(placeable, rooms);
    for (const thing of things) {
      const room = placed.get(thing.key);
      book.place([thing.key], addThing(book, thing), room === undefined ? undefined : book.room(room, home), home);
    }
    return book.content();
  },
};

/** A node, or a device behind a bridge. */
interface Thing {
  /** `5` for a node, `5/3` for the bridged device at its endpoint 3. */
  readonly key: string;
  readonly node: string;
  /** Others stand behind it. */
  readonly isBridge: boolean;
  readonly name: string;
  /** Where it says of itself what it is. */
  readonly information: MatterEndpoint;
  readonly informationCluster: typeof BASIC_INFORMATION | typeof BRIDGED_INFORMATION;
  /** The endpoints that do something. */
  readonly endpoints: readonly MatterEndpoint[];
}

function thingsOf(node: MatterNode): readonly Thing[] {
  const bridged = node.endpoints.filter(({ clusters }) => clusters.includes(BRIDGED_INFORMATION));
  const ownerOf = (endpoint: MatterEndpoint) =>
    bridged.find(({ id }) => id === endpoint.id) ?? bridged.find(({ parts }) => parts.includes(endpoint.id));
  const useful = node.endpoints.filter(({ deviceTypes }) => deviceTypes.some(isApplication));
  const owned = Map.groupBy(useful, ownerOf);
  const root = node.endpoints.filter(({ id }) => id === 0);
  return [
    ...root.map((information) => ({ information, informationCluster: BASIC_INFORMATION, key: node.id }) as const),
    ...bridged.map((information) => {
      return { information, informationCluster: BRIDGED_INFORMATION, key: `${node.id}/${information.id}` } as const;
    }),
  ].map((thing) => ({
    ...thing,
    node: node.id,
    isBridge: thing.key === node.id && bridged.length > 0,
    name: nameOf(thing),
    endpoints: owned.get(thing.key === node.id ? undefined : thing.information) ?? [],
  }));
}

/** The label that people gave it, else what it was sold as. */
function nameOf({ key, information, informationCluster }: Pick<Thing, "key" | "information" | "informationCluster">) {
  const said = (attribute: number) => information.attribute(informationCluster, attribute)?.optionalText();
  return said(5) ?? said(3) ?? `Node ${key}`;
}

/** @returns the device. */
function addThing(book: RecordBook, thing: Thing): RecordId {
  const { key, node, endpoints, informationCluster, information } = thing;
  const isBridged = key !== node;
  const about = describe(thing);
  const id = book.entity("accessory", [key], {
    ...about,
    ...known({
      ecosystem: "matter",
      node_id: node,
      endpoint: isBridged ? information.id : undefined,
      unique_id: information.attribute(informationCluster, 18)?.optionalText(),
    }),
  });
  const device = book.entity("device", [key, "device"], { ...about, capabilities: abilitiesOf(thing) });
  book.edge("part_of", [key], id, device);
  if (isBridged) book.edge("depends_on", [key], device, book.own([node, "device"]));
  for (const endpoint of endpoints) {
    const part = book.entity("service", [key, `${endpoint.id}`, "endpoint"], serviceBody(endpoint));
    book.edge("part_of", [key, `${endpoint.id}`], part, id);
  }
  return device;
}

function describe(thing: Thing) {
  const { name, information, informationCluster } = thing;
  const said = (attribute: number) => information.attribute(informationCluster, attribute)?.optionalText();
  return known({
    name,
    category: categoryOf(thing),
    manufacturer: said(1),
    model: said(3),
    serial_number: said(15),
    firmware: said(10),
    hardware: said(8),
  });
}

function categoryOf({ isBridge, endpoints }: Thing): string {
  const types = endpoints.flatMap(({ deviceTypes }) => deviceTypes);
  const category = types.map((type) => deviceTypeOf(type).category).find((found) => found !== undefined);
  return category ?? (isBridge ? "bridge" : "other");
}

function abilitiesOf({ information, endpoints }: Thing): readonly string[] {
  // A battery may be told of beside the information, on an endpoint that does nothing else.
  const told = new Set([information, ...endpoints].flatMap(capabilitiesAt));
  return [...told].sort(compareUtf8);
}

function capabilitiesAt(endpoint: MatterEndpoint): readonly string[] {
  const features = (cluster: number) => Number(endpoint.attribute(cluster, FEATURE_MAP)?.value ?? 0);
  return capabilitiesOf({ deviceTypes: endpoint.deviceTypes, clusters: endpoint.clusters, features });
}

function serviceBody({ id, deviceTypes, clusters }: MatterEndpoint) {
  const types = deviceTypes.filter(isApplication).map(deviceTypeOf);
  return {
    name: types[0]?.title ?? `Endpoint ${id}`,
    service_type: types[0]?.name ?? "endpoint",
    endpoint: id,
    device_types: [...deviceTypes],
    clusters: clusters.map(clusterNameOf),
  };
}
