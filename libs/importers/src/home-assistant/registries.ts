import { invalid } from "@funkygibbon/kernel/errors";
import type { SourceFile } from "../import-format.ts";
import { type JsonPlace, listUnder, malformed, mustDiffer, readJson } from "../json-place.ts";

/** A room of Home Assistant. */
export interface Area {
  readonly id: string;
  readonly name: string;
  readonly floor: string | undefined;
}

/** A floor of Home Assistant. */
export interface Floor {
  readonly id: string;
  readonly name: string;
  readonly level: number | undefined;
}

/** A device of Home Assistant's device registry. */
export interface RegistryDevice {
  readonly id: string;
  readonly name: string;
  readonly manufacturer: string | undefined;
  readonly model: string | undefined;
  readonly serialNumber: string | undefined;
  readonly firmware: string | undefined;
  readonly hardware: string | undefined;
  readonly area: string | undefined;
  /** The device by which Home Assistant reaches it. */
  readonly via: string | undefined;
  /** No thing but a program, such as a weather service. */
  readonly isProgram: boolean;
  readonly isDisabled: boolean;
}

/** An entity of Home Assistant's entity registry. */
export interface RegistryEntity {
  /** Stays when the entity is renamed. */
  readonly id: string;
  /** For example `light.kitchen_ceiling`. */
  readonly entityId: string;
  /** The part of {@link entityId} before the dot. */
  readonly domain: string;
  /** Undefined: it has none of its own. */
  readonly name: string | undefined;
  /** What it is called stands behind the name of its device. */
  readonly isNamedWithin: boolean;
  readonly platform: string | undefined;
  readonly uniqueId: string | undefined;
  readonly device: string | undefined;
  readonly deviceClass: string | undefined;
  readonly unit: string | undefined;
  readonly colorModes: readonly string[];
  readonly isDisabled: boolean;
}

/** An automation, as Home Assistant's own editor or a person writes it. */
export interface AutomationConfig {
  /** People leave it out. */
  readonly id: string | undefined;
  readonly place: JsonPlace;
}

/** What a `.storage` folder says of the home. */
export interface Registries {
  readonly homeName: string | undefined;
  readonly areas: readonly Area[];
  readonly floors: readonly Floor[];
  readonly devices: readonly RegistryDevice[];
  readonly entities: readonly RegistryEntity[];
  readonly automations: readonly AutomationConfig[];
  /** The keys of other files of the folder, such as labels, which say nothing that the graph has a place for. */
  readonly others: readonly string[];
}

type Part = keyof Omit<Registries, "homeName" | "others"> | "config";

const PART_OF_KEY: Readonly<Record<string, Part>> = {
  "core.config": "config",
  "core.area_registry": "areas",
  "core.floor_registry": "floors",
  "core.device_registry": "devices",
  "core.entity_registry": "entities",
};

/** They speak of each other: one without the others would tell of a home in which things are missing. */
const TOGETHER = ["core.area_registry", "core.device_registry", "core.entity_registry"];

/**
 * Reads the registries, told apart by their `key`; a list of automations has none. Floors, automations and the name of
 * the home may be left out.
 * @throws DomainError `invalid` naming file and path, or the registry that is missing.
 */
export function parseRegistries(files: readonly SourceFile[]): Registries {
  const parts = new Map<Part, JsonPlace>();
  const others: string[] = [];
  for (const file of files) {
    const root = readJson(file);
    const part = partOf(root);
    if (part === undefined) {
      others.push(root.at("key").text());
      continue;
    }
    if (parts.has(part)) throw root.fault(`is a second file with ${part}`);
    parts.set(part, root);
  }
  const missing = TOGETHER.filter((key) => !parts.has(PART_OF_KEY[key] ?? "config"));
  if (missing.length > 0) {
    throw invalid([{ field: "files", description: `lack ${missing.join(" and ")}` }], "MISSING_FILE");
  }
  const config = parts.get("config");
  return {
    homeName: config?.at("data").at("location_name").optionalText(),
    areas: items(parts.get("areas"), "areas", areaAt),
    floors: items(parts.get("floors"), "floors", floorAt),
    devices: items(parts.get("devices"), "devices", deviceAt),
    entities: items(parts.get("entities"), "entities", entityAt),
    automations: automationsAt(parts.get("automations")),
    others,
  };
}

/** Undefined: a file, as `core.*` finds them, of which nothing is read. */
function partOf(root: JsonPlace): Part | undefined {
  if (Array.isArray(root.value)) return "automations";
  const key = root.at("key").text();
  const part = Object.hasOwn(PART_OF_KEY, key) ? PART_OF_KEY[key] : undefined;
  if (part === undefined && !key.startsWith("core.")) {
    const keys = Object.keys(PART_OF_KEY).join(", ");
    throw malformed(root.file, "key", `is ${key}: of the .storage files only ${keys} are read`);
  }
  return part;
}

function items<T extends { readonly id: string }>(
  root: JsonPlace | undefined,
  key: string,
  read: (place: JsonPlace) => T,
): readonly T[] {
  if (root === undefined) return [];
  const places = root.at("data").at(key).list();
  mustDiffer(places, (place) => read(place).id);
  return places.map(read);
}

function areaAt(place: JsonPlace): Area {
  return {
    id: place.at("id").text(),
    name: place.at("name").text(),
    floor: place.at("floor_id").optionalText(),
  };
}

function floorAt(place: JsonPlace): Floor {
  const level = place.at("level");
  if (!level.isAbsent && typeof level.value !== "number") throw level.fault("must be a number");
  return {
    id: place.at("floor_id").text(),
    name: place.at("name").text(),
    level: typeof level.value === "number" ? level.value : undefined,
  };
}

function deviceAt(place: JsonPlace): RegistryDevice {
  const id = place.at("id").text();
  const text = (key: string) => place.at(key).optionalText();
  const told = (key: string) => place.at(key).optionalTextOrNumber();
  return {
    id,
    name: text("name_by_user") ?? text("name") ?? told("model") ?? `Device ${id}`,
    manufacturer: told("manufacturer"),
    model: told("model"),
    serialNumber: told("serial_number"),
    firmware: told("sw_version"),
    hardware: told("hw_version"),
    area: text("area_id"),
    via: text("via_device_id"),
    isProgram: text("entry_type") === "service",
    isDisabled: text("disabled_by") !== undefined,
  };
}

function entityAt(place: JsonPlace): RegistryEntity {
  const entityId = place.at("entity_id").text();
  const domain = /^([a-z0-9_]+)\.[a-z0-9_]+$/.exec(entityId)?.[1];
  if (domain === undefined) throw place.at("entity_id").fault("must read domain.name");
  const text = (key: string) => place.at(key).optionalText();
  const capabilities = place.at("capabilities");
  return {
    id: text("id") ?? entityId,
    entityId,
    domain,
    name: text("name") ?? text("original_name"),
    isNamedWithin: place.at("has_entity_name").value === true,
    platform: text("platform"),
    uniqueId: place.at("unique_id").optionalTextOrNumber(),
    device: text("device_id"),
    deviceClass: text("device_class") ?? text("original_device_class"),
    unit: text("unit_of_measurement"),
    colorModes: capabilities.isAbsent
      ? []
      : capabilities
          .at("supported_color_modes")
          .optionalList()
          .map((mode) => mode.text()),
    isDisabled: text("disabled_by") !== undefined,
  };
}

function automationsAt(root: JsonPlace | undefined): readonly AutomationConfig[] {
  if (root === undefined) return [];
  const places = listUnder(root, "automations");
  for (const place of places) {
    const isAutomation = ["triggers", "trigger", "use_blueprint"].some((key) => !place.at(key).isAbsent);
    if (!isAutomation) throw place.at("triggers").fault("is missing");
  }
  mustDiffer(
    places.map((place) => place.at("id")).filter(({ isAbsent }) => !isAbsent),
    idText,
  );
  return places.map((place) => ({ id: place.at("id").isAbsent ? undefined : idText(place.at("id")), place }));
}

/** Home Assistant writes them as text, people as numbers. */
function idText(place: JsonPlace): string {
  return typeof place.value === "number" ? String(place.value) : place.text();
}
