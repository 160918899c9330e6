import type { JsonValue } from "@funkygibbon/kernel/json";
import type { SourceFile } from "../import-format.ts";
import { type JsonPlace, listUnder, mustDiffer, readJson } from "../json-place.ts";
import { normalHapType } from "./hap-types.ts";

/** An accessory of a HomeKit accessory database. */
export interface DumpAccessory {
  /** Decimal digits: HAP ids are 64 bits wide. */
  readonly aid: string;
  readonly services: readonly DumpService[];
}

/** A service of an accessory. */
export interface DumpService {
  readonly iid: string;
  /** As {@link normalHapType} spells it. */
  readonly type: string;
  readonly primary: boolean;
  readonly hidden: boolean;
  readonly characteristics: readonly DumpCharacteristic[];
}

/** A characteristic of a service. */
export interface DumpCharacteristic {
  readonly iid: string;
  /** As {@link normalHapType} spells it. */
  readonly type: string;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly format: string;
  /** Undefined: write-only, or not told. */
  readonly value: JsonValue | undefined;
}

/**
 * Reads a HomeKit accessory database in either form, `{"accessories": […]}` or the bare array.
 * @throws DomainError `invalid` naming the path at fault, for example `accessories[3].services[0].iid`.
 */
export function parseHomeKitDump(file: SourceFile): readonly DumpAccessory[] {
  const root = readJson(file);
  const list = listUnder(root, "accessories");
  const accessories = list.map(accessoryAt);
  if (accessories.length === 0) throw root.fault("has no accessory");
  mustDiffer(
    list.map((place) => place.at("aid")),
    (aid) => aid.id(),
  );
  return accessories;
}

function accessoryAt(place: JsonPlace): DumpAccessory {
  const aid = place.at("aid").id();
  const services = place.at("services").list();
  mustDiffer(
    services.map((service) => service.at("iid")),
    (iid) => iid.id(),
  );
  return { aid, services: services.map(serviceAt) };
}

function serviceAt(place: JsonPlace): DumpService {
  return {
    iid: place.at("iid").id(),
    type: typeAt(place.at("type")),
    primary: place.at("primary").value === true,
    hidden: place.at("hidden").value === true,
    characteristics: place.at("characteristics").optionalList().map(characteristicAt),
  };
}

function characteristicAt(place: JsonPlace): DumpCharacteristic {
  const permissions = place
    .at("perms")
    .optionalList()
    .map((permission) => permission.text());
  return {
    iid: place.at("iid").id(),
    type: typeAt(place.at("type")),
    readable: permissions.includes("pr"),
    writable: permissions.includes("pw"),
    format: place.at("format").optionalText() ?? "",
    value: (place.at("value").value ?? undefined) as JsonValue | undefined,
  };
}

function typeAt(place: JsonPlace): string {
  const type = normalHapType(place.text());
  if (type !== undefined) return type;
  throw place.fault("must be a HAP type such as 3E or a UUID");
}
