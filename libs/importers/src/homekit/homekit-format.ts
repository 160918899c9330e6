import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { utf8Length } from "@funkygibbon/kernel/json";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { ImportFormat } from "../import-format.ts";
import { known, RecordBook } from "../record-book.ts";
import { assignRooms, dumpAndRooms, dumpName } from "../rooms-file.ts";
import { capabilityOf, characteristicNameOf, serviceTypeOf } from "./hap-types.ts";
import { type DumpAccessory, type DumpService, parseHomeKitDump } from "./homekit-dump.ts";

/** Longer values are blobs of the vendor, not knowledge of the home. */
const MAX_VALUE_BYTES = 256;

/**
 * HomeKit accessory databases: an accessory per aid with its services as parts, a device per accessory that stands in a
 * room, the rooms and the home.
 */
export const homekitFormat: ImportFormat = {
  name: "homekit",
  summary: "HomeKit accessory database; a rooms file beside it",
  recognizes: (files) => files.some(({ text }) => /"aid"\s*:/.test(text) && /"services"\s*:/.test(text)),
  sourceName: dumpName,
  read(files, scope) {
    const { dump, rooms } = dumpAndRooms("homekit", files);
    const accessories = parseHomeKitDump(dump);
    const book = new RecordBook({ format: "homekit", source: "homekit" }, scope);
    const home = book.home(rooms?.home);
    for (const { name } of rooms?.rooms ?? []) book.room(name, home);
    const things = accessories.map(({ aid, services }) => ({ id: aid, name: nameOf(aid, services) }));
    const roomOf = assignRooms(things, rooms);
    for (const accessory of accessories) {
      const room = roomOf.get(accessory.aid);
      const device = addAccessory(book, accessory);
      book.place([accessory.aid], device, room === undefined ? undefined : book.room(room, home), home);
    }
    return book.content();
  },
};

/** @returns the device. */
function addAccessory(book: RecordBook, accessory: DumpAccessory): RecordId {
  const { aid, services } = accessory;
  const about = describe(accessory);
  const id = book.entity("accessory", [aid], { ...about, ecosystem: "homekit", aid });
  const device = book.entity("device", [aid, "device"], { ...about, capabilities: capabilitiesOf(services) });
  book.edge("part_of", [aid], id, device);
  for (const service of services) {
    const part = book.entity("service", [aid, service.iid], serviceBody(service));
    book.edge("part_of", [aid, service.iid], part, id);
  }
  return device;
}

function describe({ aid, services }: DumpAccessory): JsonObject {
  return known({
    name: nameOf(aid, services),
    category: categoryOf(services),
    manufacturer: informationOf(services, "manufacturer"),
    model: informationOf(services, "model"),
    serial_number: informationOf(services, "serial_number"),
    firmware: informationOf(services, "firmware_revision"),
    hardware: informationOf(services, "hardware_revision"),
  });
}

function nameOf(aid: string, services: readonly DumpService[]): string {
  return informationOf(services, "name") ?? informationOf(services, "model") ?? `Accessory ${aid}`;
}

/** What the accessory information service says under this name, some in numbers; undefined: nothing, or only blanks. */
function informationOf(services: readonly DumpService[], name: string): string | undefined {
  const information = services.find((service) => serviceTypeOf(service.type)?.name === "accessory_information");
  return information === undefined ? undefined : textOf(information, name);
}

function textOf(service: DumpService, name: string): string | undefined {
  const value = service.characteristics.find(({ type }) => characteristicNameOf(type) === name)?.value;
  const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
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
  return Number.isFinite(value) || typeof value === "boolean";
}
