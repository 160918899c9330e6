import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonValue } from "@funkygibbon/kernel/json";
import type { ImportFormat } from "../import-format.ts";
import type { JsonPlace } from "../json-place.ts";
import { known, RecordBook } from "../record-book.ts";
import { type AutomationTargets, listAt, targetsIn } from "./automation-targets.ts";
import { capabilitiesOf, categoryOf } from "./entity-facts.ts";
import { parseRegistries, type Registries, type RegistryDevice, type RegistryEntity } from "./registries.ts";

/**
 * Home Assistant's registries: floors as zones, areas as rooms, devices with their entities as services, programs as
 * apps, automations with what triggers them and what they act on.
 */
export const homeAssistantFormat: ImportFormat = {
  name: "home-assistant",
  summary: "Home Assistant registries (.storage/core.*), automations",
  recognizes: (files) =>
    files.some(({ text }) => /"key"\s*:\s*"core\.(?:area|floor|device|entity)_registry"/.test(text)),
  // Which of its files are given differs from time to time, and a home rarely has two.
  sourceName: () => "home-assistant",
  read(files, scope) {
    const registries = parseRegistries(files);
    const book = new RecordBook({ format: "home-assistant", source: "imported" }, scope);
    new HomeAssistantHome(registries, book).add();
    return book.content();
  },
};

/** Puts one Home Assistant into a book. */
class HomeAssistantHome {
  readonly #registries: Registries;
  readonly #book: RecordBook;
  readonly #rooms = new Map<string, RecordId>();
  readonly #devices = new Map<string, RecordId>();
  readonly #registered: ReadonlyMap<string | undefined, RegistryDevice>;
  readonly #entitiesOf: ReadonlyMap<string | undefined, readonly RegistryEntity[]>;

  constructor(registries: Registries, book: RecordBook) {
    this.#registries = registries;
    this.#book = book;
    this.#registered = new Map(registries.devices.map((device) => [device.id, device]));
    this.#entitiesOf = Map.groupBy(
      registries.entities.filter(({ isDisabled }) => !isDisabled),
      ({ device }) => device,
    );
  }

  add(): void {
    const { homeName, devices, entities } = this.#registries;
    const home = this.#book.home(homeName);
    this.#addRooms(home);
    for (const device of devices) this.#addDevice(device, home);
    for (const device of devices) this.#addWay(device);
    for (const entity of entities) this.#addEntity(entity);
    this.#addAutomations();
    for (const key of this.#registries.others) this.#book.omit(key, "is not read");
  }

  #addRooms(home: RecordId): void {
    const zones = new Map<string, RecordId>();
    for (const { id, name, level } of this.#registries.floors) {
      const zone = this.#book.entity("zone", ["floor", id], known({ name, level }));
      zones.set(id, zone);
      this.#book.edge("located_in", ["floor", id], zone, home);
    }
    for (const { id, name, floor } of this.#registries.areas) {
      const room = this.#book.entity("room", ["area", id], { name });
      this.#rooms.set(id, room);
      const place = floor === undefined ? home : zones.get(floor);
      if (place === undefined) this.#book.omit(`the floor of ${name}`, "is not among the files");
      this.#book.placeOr(["area", id], room, place, () => home);
    }
  }

  #addDevice(device: RegistryDevice, home: RecordId): void {
    const { id, name, manufacturer, model, firmware, hardware, serialNumber, area, isProgram, isDisabled } = device;
    const about = known({
      name,
      manufacturer,
      model,
      serial_number: serialNumber,
      firmware,
      hardware,
      disabled: isDisabled ? true : undefined,
    });
    if (isProgram) {
      this.#book.entity("app", ["device", id], about);
      return;
    }
    const entities = this.#entitiesOf.get(id) ?? [];
    const facts = { category: categoryOf(entities), capabilities: capabilitiesOf(entities) };
    const record = this.#book.entity("device", ["device", id], { ...about, ...facts });
    this.#devices.set(id, record);
    const room = this.#rooms.get(area ?? "");
    if (area !== undefined && room === undefined) this.#book.omit(`the area of ${name}`, "is not among the files");
    this.#book.place(["device", id], record, room, home);
  }

  #addWay({ id, via }: RegistryDevice): void {
    const [device, bridge] = [this.#devices.get(id), this.#devices.get(via ?? "")];
    if (device === undefined || bridge === undefined || device === bridge) return;
    this.#book.edge("depends_on", ["device", id], device, bridge);
  }

  #addEntity(entity: RegistryEntity): void {
    const { id, entityId, domain, platform, uniqueId, deviceClass, unit, isDisabled } = entity;
    const device = this.#devices.get(entity.device ?? "");
    const name = this.#nameOf(entity);
    if (isDisabled) this.#book.omit(entityId, "is disabled in Home Assistant");
    else if (domain === "automation") return;
    else if (domain === "schedule") this.#book.entity("schedule", ["entity", id], { name, entity_id: entityId });
    else if (device === undefined) {
      const program = this.#registered.get(entity.device);
      this.#book.omit(
        entityId,
        program === undefined ? "belongs to no device" : `belongs to a program, ${program.name}`,
      );
    } else {
      const body = { name, service_type: domain, entity_id: entityId };
      const more = known({ platform, unique_id: uniqueId, device_class: deviceClass, unit });
      const service = this.#book.entity("service", ["entity", id], { ...body, ...more });
      this.#book.edge("part_of", ["entity", id], service, device);
    }
  }

  /** What people see: the main entity of a device is called as the device is. */
  #nameOf({ name, entityId, device, isNamedWithin }: RegistryEntity): string {
    return name ?? (isNamedWithin ? this.#registered.get(device)?.name : undefined) ?? entityId;
  }

  #addAutomations(): void {
    const { entities, automations } = this.#registries;
    const listed = entities.filter(({ domain, isDisabled }) => domain === "automation" && !isDisabled);
    const configured = new Set(automations.map(({ id }) => id));
    for (const entity of listed) {
      const { id, uniqueId, entityId } = entity;
      if (uniqueId !== undefined && configured.has(uniqueId)) continue;
      // Its configuration may be in a file that is not given this time.
      const body = { name: this.#nameOf(entity), entity_id: entityId };
      this.#book.guess("automation", ["automation", uniqueId ?? id], body);
    }
    for (const { id, place } of automations) {
      const alias = place.at("alias").optionalTextOrNumber();
      if (id === undefined) this.#book.omit(`automation ${alias ?? place.path}`, "has no id to be known by next time");
      else
        this.#addAutomation(
          { id, alias, place },
          listed.find(({ uniqueId }) => uniqueId === id),
        );
    }
  }

  #addAutomation(
    { id, alias, place }: { readonly id: string; readonly alias: string | undefined; readonly place: JsonPlace },
    entity: RegistryEntity | undefined,
  ): void {
    const triggers = listAt(place, "triggers", "trigger");
    const conditions = listAt(place, "conditions", "condition");
    const actions = listAt(place, "actions", "action");
    const values = (places: typeof triggers) => places.map(({ value }) => value as JsonValue);
    const body = known({
      name: alias ?? entity?.name ?? `Automation ${id}`,
      description: place.at("description").optionalText(),
      mode: place.at("mode").optionalText(),
      entity_id: entity?.entityId,
      triggers: values(triggers),
      conditions: values(conditions),
      actions: values(actions),
    });
    const automation = this.#book.entity("automation", ["automation", id], body);
    for (const [key, device] of this.#devicesOf(targetsIn(triggers))) {
      this.#book.edge("triggered_by", ["automation", id, key], automation, device);
    }
    const acted = targetsIn(actions);
    for (const [key, device] of this.#devicesOf(acted)) {
      this.#book.edge("automates", ["automation", id, key], automation, device);
    }
    for (const area of acted.areas) {
      const room = this.#rooms.get(area);
      if (room !== undefined) this.#book.edge("automates", ["automation", id, area], automation, room);
    }
  }

  /** The devices that are named, by themselves or by one of their entities; each once. */
  #devicesOf({ devices, entityIds }: AutomationTargets): ReadonlyMap<string, RecordId> {
    const byEntity = this.#registries.entities.filter(
      ({ entityId, id }) => entityIds.has(entityId) || entityIds.has(id),
    );
    const keys = new Set([...devices, ...byEntity.flatMap(({ device }) => device ?? [])]);
    const found = [...keys].flatMap((key) => {
      const device = this.#devices.get(key);
      return device === undefined ? [] : [[key, device] as const];
    });
    return new Map(found);
  }
}
