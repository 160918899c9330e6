import { DomainError } from "@funkygibbon/kernel/errors";
import type { JsonValue } from "@funkygibbon/kernel/json";
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

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a HomeKit accessory database in either form, `{"accessories": […]}` or the bare array.
 * @throws DomainError `invalid` naming the path at fault, for example `accessories[3].services[0].iid`.
 */
export function parseHomeKitDump(text: string): readonly DumpAccessory[] {
  const root = parse(text);
  const list = Array.isArray(root) ? root : fieldsOf(root, "the file").accessories;
  const accessories = listOf(list, "accessories").map((item, index) => accessoryOf(item, `accessories[${index}]`));
  if (accessories.length === 0) throw malformed("accessories", "has no accessory");
  mustDiffer(accessories, ({ aid }) => aid, "accessories", "aid");
  return accessories;
}

function accessoryOf(item: unknown, path: string): DumpAccessory {
  const fields = fieldsOf(item, path);
  const services = listOf(fields.services, `${path}.services`).map((service, index) =>
    serviceOf(service, `${path}.services[${index}]`),
  );
  mustDiffer(services, ({ iid }) => iid, `${path}.services`, "iid");
  return { aid: idOf(fields.aid, `${path}.aid`), services };
}

function serviceOf(item: unknown, path: string): DumpService {
  const fields = fieldsOf(item, path);
  return {
    iid: idOf(fields.iid, `${path}.iid`),
    type: typeOf(fields.type, `${path}.type`),
    primary: fields.primary === true,
    hidden: fields.hidden === true,
    characteristics: listOf(fields.characteristics ?? [], `${path}.characteristics`).map((characteristic, index) =>
      characteristicOf(characteristic, `${path}.characteristics[${index}]`),
    ),
  };
}

function characteristicOf(item: unknown, path: string): DumpCharacteristic {
  const fields = fieldsOf(item, path);
  const permissions = listOf(fields.perms ?? [], `${path}.perms`);
  if (!permissions.every((permission) => typeof permission === "string")) {
    throw malformed(`${path}.perms`, "must be a list of texts");
  }
  if (fields.format !== undefined && typeof fields.format !== "string") {
    throw malformed(`${path}.format`, "must be a text");
  }
  return {
    iid: idOf(fields.iid, `${path}.iid`),
    type: typeOf(fields.type, `${path}.type`),
    readable: permissions.includes("pr"),
    writable: permissions.includes("pw"),
    format: fields.format ?? "",
    value: (fields.value ?? undefined) as JsonValue | undefined,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""), keepLongIds);
  } catch (error) {
    throw malformed("the file", `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Ids above 2^53 do not fit a number: their digits are kept instead. */
function keepLongIds(key: string, value: unknown, ...rest: readonly { source?: string }[]): unknown {
  const tooLong = (key === "aid" || key === "iid") && Number.isInteger(value) && !Number.isSafeInteger(value);
  return tooLong ? (rest[0]?.source ?? value) : value;
}

function fieldsOf(item: unknown, path: string): Fields {
  if (typeof item === "object" && item !== null && !Array.isArray(item)) return item as Fields;
  throw malformed(path, item === undefined ? "is missing" : "must be an object");
}

function listOf(item: unknown, path: string): readonly unknown[] {
  if (Array.isArray(item)) return item;
  throw malformed(path, item === undefined ? "is missing" : "must be a list");
}

function idOf(item: unknown, path: string): string {
  const digits = Number.isSafeInteger(item) ? String(item) : item;
  if (typeof digits === "string" && /^\d{1,20}$/.test(digits)) return digits;
  throw malformed(path, item === undefined ? "is missing" : "must be a whole number that is not negative");
}

function typeOf(item: unknown, path: string): string {
  const type = typeof item === "string" ? normalHapType(item) : undefined;
  if (type !== undefined) return type;
  throw malformed(path, item === undefined ? "is missing" : "must be a HAP type such as 3E or a UUID");
}

function mustDiffer<T>(items: readonly T[], key: (item: T) => string, path: string, name: string): void {
  const seen = new Map<string, number>();
  items.forEach((item, index) => {
    const first = seen.get(key(item));
    if (first !== undefined) {
      throw malformed(`${path}[${index}].${name}`, `repeats ${key(item)}, the ${name} of ${path}[${first}]`);
    }
    seen.set(key(item), index);
  });
}

/** A fault of a file that is imported, at `path`. */
export function malformed(path: string, description: string): DomainError {
  return new DomainError("invalid", `${path} ${description}`, {
    reason: "MALFORMED_IMPORT",
    fields: [{ field: path, description }],
  });
}
