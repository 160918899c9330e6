import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { utf8Length } from "@funkygibbon/kernel/json";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import { uuidV5 } from "@funkygibbon/kernel/uuid";
import type { GraphView } from "../graph-view.ts";
import { capabilityOf, characteristicNameOf, serviceTypeOf } from "./hap-types.ts";
import { type DumpAccessory, type DumpService, malformed, parseHomeKitDump } from "./homekit-dump.ts";
import { type ImportPlan, planImport, type SourceRecord } from "./import-plan.ts";
import { parseRoomsFile, type RoomsFile } from "./rooms-file.ts";

/** What is imported, and into which household. */
export interface HomeKitImport {
  /** The accessory database: `{"accessories": […]}` or the bare array. */
  readonly dump: string;
  /** See {@link parseRoomsFile}; undefined: everything stands in one room named Unassigned. */
  readonly rooms?: string | undefined;
  /** Tells dumps apart, because every bridge has aid 1; usually the name of the file. */
  readonly sourceName: string;
  readonly household: HouseholdId;
  /** SHA-1, for ids that are the same on every run. */
  readonly sha1: (bytes: Uint8Array) => Uint8Array;
}

/** The namespace of all ids that importers derive. */
const IMPORT_NAMESPACE = "5f0b8f0e-4d0c-4b0e-9a86-3a2f6d0f7c11";
const UNASSIGNED = "Unassigned";
/** Longer values are blobs of the vendor, not knowledge of the home. */
const MAX_VALUE_BYTES = 256;

/**
 * Plans the import of a HomeKit accessory database: an accessory per aid with its services as parts, a device per
 * accessory that stands in a room, the rooms and the home. The same file gives the same records every time.
 * @throws DomainError `invalid` naming the path at fault; nothing is planned then.
 */
export function planHomeKitImport(graph: GraphView, options: HomeKitImport): ImportPlan {
  const accessories = parseHomeKitDump(options.dump);
  const rooms = options.rooms === undefined ? undefined : parseRoomsFile(options.rooms);
  return planImport(graph, "homekit", recordsOf(accessories, rooms, options));
}

function recordsOf(
  accessories: readonly DumpAccessory[],
  rooms: RoomsFile | undefined,
  options: HomeKitImport,
): readonly SourceRecord[] {
  const ids = new ImportIds(options);
  const home = ids.shared("home");
  const records: SourceRecord[] = [entity(home, "home", { name: rooms?.home ?? "Home" }, true)];
  const roomOf = assignRooms(accessories, rooms);
  for (const name of new Set([...(rooms?.rooms.map((room) => room.name) ?? []), ...roomOf.values()])) {
    const room = ids.shared("room", name);
    records.push(
      entity(room, "room", { name }, true),
      edge(ids.shared("room", name, "home"), "located_in", room, home),
    );
  }
  for (const accessory of accessories) {
    records.push(...recordsOfAccessory(accessory, ids, ids.shared("room", roomOf.get(accessory.aid) ?? UNASSIGNED)));
  }
  return records;
}

function recordsOfAccessory(accessory: DumpAccessory, ids: ImportIds, room: RecordId): readonly SourceRecord[] {
  const { aid, services } = accessory;
  const id = ids.own(aid);
  const device = ids.own(aid, "device");
  const about = describe(accessory);
  const records = [
    entity(id, "accessory", { ...about, ecosystem: "homekit", aid }),
    entity(device, "device", { ...about, capabilities: capabilitiesOf(services) }),
    edge(ids.own(aid, "part_of"), "part_of", id, device),
    edge(ids.own(aid, "located_in"), "located_in", device, room),
  ];
  for (const service of services) {
    const part = ids.own(aid, service.iid);
    records.push(entity(part, "service", serviceBody(service)));
    records.push(edge(ids.own(aid, service.iid, "part_of"), "part_of", part, id));
  }
  return records;
}

/** Ids that depend on nothing but household, source name and the source's own ids. */
class ImportIds {
  readonly #options: HomeKitImport;

  constructor(options: HomeKitImport) {
    this.#options = options;
  }

  /** Of a record of this source. */
  own(...path: readonly string[]): RecordId {
    return this.#derive(["homekit", this.#options.sourceName, ...path]);
  }

  /** Of a record that several sources speak of, such as a room by its name. */
  shared(...path: readonly string[]): RecordId {
    return this.#derive(path);
  }

  #derive(path: readonly string[]): RecordId {
    const name = [this.#options.household, ...path].join("\u001f");
    return uuidV5(IMPORT_NAMESPACE, name, this.#options.sha1) as RecordId;
  }
}

/** The room of each accessory by aid. @throws DomainError when the rooms file speaks of an accessory that is not there. */
function assignRooms(accessories: readonly DumpAccessory[], rooms: RoomsFile | undefined): Map<string, string> {
  const assigned = new Map(accessories.map(({ aid }) => [aid, UNASSIGNED]));
  rooms?.rooms.forEach((room, roomIndex) => {
    room.accessories.forEach((reference, index) => {
      const found = accessories.filter(({ aid, services }) => aid === reference || nameOf(aid, services) === reference);
      const path = `rooms[${roomIndex}].accessories[${index}]`;
      if (found.length === 0) throw malformed(path, `names ${reference}, which is no aid or name in the dump`);
      for (const { aid } of found) assigned.set(aid, room.name);
    });
  });
  return assigned;
}

function describe({ aid, services }: DumpAccessory): JsonObject {
  const told = {
    manufacturer: informationOf(services, "manufacturer"),
    model: informationOf(services, "model"),
    serial_number: informationOf(services, "serial_number"),
    firmware: informationOf(services, "firmware_revision"),
    hardware: informationOf(services, "hardware_revision"),
  };
  const known = Object.entries(told).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { name: nameOf(aid, services), category: categoryOf(services), ...Object.fromEntries(known) };
}

function nameOf(aid: string, services: readonly DumpService[]): string {
  return informationOf(services, "name") ?? informationOf(services, "model") ?? `Accessory ${aid}`;
}

/** What the accessory information service says under this name; undefined: nothing, or only blanks. */
function informationOf(services: readonly DumpService[], name: string): string | undefined {
  const information = services.find((service) => serviceTypeOf(service.type)?.name === "accessory_information");
  return information === undefined ? undefined : textOf(information, name);
}

function textOf(service: DumpService, name: string): string | undefined {
  const value = service.characteristics.find(({ type }) => characteristicNameOf(type) === name)?.value;
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" ? undefined : text;
}

/** What the accessory is: by its primary service, else by the first that says. One that only serves others is a bridge. */
function categoryOf(services: readonly DumpService[]): string {
  const useful = services.filter(({ type }) => serviceTypeOf(type)?.administrative !== true);
  const primary = useful.find((service) => service.primary && serviceTypeOf(service.type)?.category !== undefined);
  const main = primary ?? useful.find(({ type }) => serviceTypeOf(type)?.category !== undefined);
  if (main !== undefined) return serviceTypeOf(main.type)?.category ?? "other";
  return useful.length === 0 ? "bridge" : "other";
}

function capabilitiesOf(services: readonly DumpService[]): readonly string[] {
  const found = new Set<string>();
  for (const { characteristics } of services) {
    for (const { type, writable } of characteristics) {
      const capability = capabilityOf(characteristicNameOf(type) ?? "", writable);
      if (capability !== undefined) found.add(capability);
    }
  }
  return [...found].sort(compareUtf8);
}

function serviceBody(service: DumpService): JsonObject {
  const type = serviceTypeOf(service.type);
  return {
    name: textOf(service, "name") ?? type?.title ?? "Vendor service",
    service_type: type?.name ?? "vendor",
    hap_type: service.type,
    iid: service.iid,
    ...(service.primary ? { primary: true } : {}),
    ...(service.hidden || type?.administrative ? { hidden: true } : {}),
    characteristics: service.characteristics.map(({ iid, type: hapType, format, readable, writable, value }) => ({
      iid,
      type: characteristicNameOf(hapType) ?? hapType,
      ...(format === "" ? {} : { format }),
      access: `${readable ? "r" : ""}${writable ? "w" : ""}`,
      ...(isKnowledge(value) ? { value } : {}),
    })),
  };
}

function isKnowledge(value: JsonValue | undefined): value is JsonValue {
  if (typeof value === "string") return value.isWellFormed() && utf8Length(value) <= MAX_VALUE_BYTES;
  return typeof value === "number" || typeof value === "boolean";
}

function entity(
  id: RecordId,
  type: Extract<SourceRecord, { kind: "entity" }>["type"],
  body: JsonObject,
  shared = false,
): SourceRecord {
  return { kind: "entity", id, type, body, shared };
}

function edge(
  id: RecordId,
  type: Extract<SourceRecord, { kind: "relationship" }>["type"],
  from: RecordId,
  to: RecordId,
): SourceRecord {
  return { kind: "relationship", id, type, from, to, shared: false };
}
