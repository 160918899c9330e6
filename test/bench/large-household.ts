import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { SeededLog } from "../../services/entity-store/test/seeded-log.ts";
import { SeededRandom } from "./seeded-random.ts";

/** A household of 20,000 entities, 150,000 edges and 365,000 versions, and where to ask about it. */
export interface LargeHousehold {
  readonly log: SeededLog;
  readonly homes: readonly SeededHome[];
  readonly entities: readonly RecordId[];
  /** The names that entities bear now. */
  readonly names: readonly string[];
  /** Commit times between which all homes stood and their records went on changing. */
  readonly settledUs: { readonly from: number; readonly until: number };
}

/** One home: {@link HOME_SIZE} entities that are located in it or part of what is. */
export interface SeededHome {
  readonly id: RecordId;
  readonly rooms: readonly RecordId[];
  readonly devices: readonly RecordId[];
  readonly accessories: readonly RecordId[];
  readonly services: readonly RecordId[];
}

/** Entities of a home, itself included: 3 zones, 16 rooms, 30 doors and windows, 150 devices, their 180 accessories, their 120 services. */
export const HOME_SIZE = 500;
/** Entities that go with a home without being located in it. */
const AROUND_HOME = 44;

const HOMES = 36;
const MANUALS = 320;
const APPS = 96;
const ENTITIES = HOMES * (HOME_SIZE + AROUND_HOME) + MANUALS + APPS;
const EDGES = 150_000;
const VERSIONS = 365_000;
/** Share of the log at whose end the last home stands. */
const SETTLED = 0.6;

const ROOMS = ["Kitchen", "Living room", "Bedroom", "Bathroom", "Hallway", "Study", "Nursery", "Cellar"];
const THINGS = ["ceiling light", "reading lamp", "thermostat", "motion sensor", "blind", "socket", "speaker", "lock"];
const MAKERS = [
  "Lumen Works",
  "Hearth & Co",
  "Juniper & Oak",
  "Voltaro",
  "Keyhaven",
  "Slatwell",
  "Nordlys",
  "Brightwater",
];
const STREETS = ["Maple Street", "Harbour Lane", "Mill Road", "Orchard Close", "Station Square", "Abbey Walk"];
const NOTES = [
  "Close the radiator valves before bleeding them, beginning on the ground floor.",
  "The battery lasts about two years; spare ones are in the drawer of the hallway.",
  "Reset by holding the button for ten seconds until the light blinks amber.",
  "Bought in spring together with the dimmer, warranty card in the blue folder.",
  "Does not answer after a power cut until the hub has been restarted.",
];

/**
 * Thirty-six homes of one owner, as a landlord, a hotel or a campus has them, set up one after the other and changed ever
 * since. Devices are meshed with others of their home; manuals and vendors' apps serve all homes, so some nodes have
 * hundreds of edges. Equal seeds make equal households.
 */
export function largeHousehold(household: string, seed = 1): LargeHousehold {
  return new Builder(household, seed).build();
}

type Triple = [from: RecordId, type: RelationshipType, to: RecordId];

class Builder {
  readonly #random: SeededRandom;
  readonly #log: SeededLog;
  readonly #entities: { readonly id: RecordId; readonly type: EntityType; body: JsonObject }[] = [];
  readonly #edges: { readonly id: RecordId; readonly ends: Triple }[] = [];
  readonly #homes: SeededHome[] = [];
  readonly #manuals: RecordId[] = [];
  readonly #apps: RecordId[] = [];
  /** Devices that may move: the edge that says where they are, and the rooms of their home. */
  readonly #places: { readonly edge: number; readonly rooms: readonly RecordId[] }[] = [];
  #versions = 0;

  constructor(household: string, seed: number) {
    this.#random = new SeededRandom(seed);
    this.#log = new SeededLog(household);
  }

  build(): LargeHousehold {
    for (let n = 0; n < MANUALS; n++)
      this.#manuals.push(this.#entity("manual", `${this.#maker()} LW-${1_000 + n} manual`));
    for (let n = 0; n < APPS; n++) this.#apps.push(this.#entity("app", `${this.#maker()} app ${n + 1}`));
    for (let n = 0; n < HOMES; n++) {
      this.#homes.push(this.#home(n));
      this.#changeUntil(Math.floor((VERSIONS * SETTLED * (n + 1)) / HOMES));
    }
    const from = this.#log.nowUs;
    this.#changeUntil(VERSIONS);
    if (this.#entities.length !== ENTITIES || this.#edges.length !== EDGES)
      throw new Error("the household has another size");
    return {
      log: this.#log,
      homes: this.#homes,
      entities: this.#entities.map(({ id }) => id),
      names: this.#entities.map(({ body }) => String(body.name)),
      settledUs: { from, until: this.#log.nowUs },
    };
  }

  #home(number: number): SeededHome {
    const many = (count: number, make: (n: number) => RecordId) => Array.from({ length: count }, (_, n) => make(n));
    const pick = <T>(items: readonly T[]) => this.#random.pick(items);
    const id = this.#entity("home", `${pick(STREETS)} ${number + 1}`);
    const zones = many(3, (n) => this.#within(id, "zone", `Floor ${n}`));
    const rooms = many(16, (n) =>
      this.#within(pick(zones), "room", `${ROOMS[n % ROOMS.length]} ${1 + Math.floor(n / ROOMS.length)}`),
    );
    for (let n = 0; n < 30; n++)
      this.#within(pick(rooms), n < 12 ? "door" : "window", `${n < 12 ? "Door" : "Window"} ${n + 1}`);
    const devices = many(150, (n) => {
      const device = this.#within(pick(rooms), "device", `${pick(ROOMS)} ${pick(THINGS)} ${n + 1}`);
      this.#places.push({ edge: this.#edges.length - 1, rooms });
      return device;
    });
    const accessories = many(180, (n) =>
      this.#partOf(pick(devices), "accessory", `${pick(THINGS)} accessory ${n + 1}`),
    );
    const services = many(120, (n) => this.#partOf(pick(accessories), "service", `${pick(THINGS)} service ${n + 1}`));

    const automations = many(15, (n) => this.#entity("automation", `${pick(ROOMS)} at ${n + 6} o'clock`));
    const schedules = many(10, (n) => this.#entity("schedule", `${pick(ROOMS)} timetable ${n + 1}`));
    const procedures = many(6, (n) => this.#entity("procedure", `How to service ${pick(THINGS)} ${n + 1}`));
    const notes = many(12, (n) => this.#entity("note", `${pick(ROOMS)} note ${n + 1}`));
    const app = this.#entity("app", `${pick(MAKERS)} remote of home ${number + 1}`);

    const some = (count: number, from: readonly RecordId[], type: RelationshipType, to: readonly RecordId[]) => {
      for (let n = 0; n < count; n++) this.#edge(pick(from), type, pick(to));
    };
    const each = (from: readonly RecordId[], type: RelationshipType, to: readonly RecordId[]) => {
      for (const start of from) this.#edge(start, type, pick(to));
    };
    // Within the home.
    some(32, rooms, "connects_to", rooms);
    some(150, devices.slice(0, 30), "controls", [...devices, ...accessories]);
    some(90, devices.slice(30, 70), "monitors", [...devices, ...rooms]);
    some(150, devices, "connects_to", devices);
    some(79, services, "depends_on", services);
    // To and from what serves the home without being in it.
    const equipment = [...devices, ...accessories, ...services];
    each(equipment, "documented_by", this.#manuals);
    each(equipment, "depends_on", this.#apps);
    some(150, [...rooms, ...devices], "documented_by", [...notes, ...procedures]);
    some(300, [...rooms, ...devices], "has_photo", notes);
    for (const item of equipment) this.#edge(app, "manages", item);
    for (const item of [...devices, ...accessories]) this.#edge(pick(this.#apps), "manages", item);
    each(schedules, "triggered_by", automations);
    some(45, automations, "triggered_by", devices);
    some(225, automations, "controls", [...devices, ...accessories]);
    some(150, automations, "automates", [...devices, ...rooms]);
    some(120, automations, "monitors", [...devices, ...rooms]);
    some(100, schedules, "automates", devices);
    some(150, procedures, "procedure_for", devices);
    some(Math.round((EDGES * (number + 1)) / HOMES) - this.#edges.length, [app], "controls", [
      ...devices,
      ...accessories,
    ]);
    return { id, rooms, devices, accessories, services };
  }

  #within(place: RecordId, type: EntityType, name: string): RecordId {
    const id = this.#entity(type, name);
    this.#edge(id, "located_in", place);
    return id;
  }

  #partOf(whole: RecordId, type: EntityType, name: string): RecordId {
    const id = this.#entity(type, name);
    this.#edge(id, "part_of", whole);
    return id;
  }

  #entity(type: EntityType, name: string): RecordId {
    const id = this.#newId();
    const body = {
      name: name.charAt(0).toUpperCase() + name.slice(1),
      manufacturer: this.#maker(),
      model: `LW-${1_000 + this.#random.below(MANUALS)}`,
      serial: this.#newId(),
      firmware: `1.${this.#random.below(200)}.2`,
      capabilities: ["on_off", "brightness", "color_temperature"],
      brightness: this.#random.below(100),
      note: this.#random.pick(NOTES),
    };
    this.#entities.push({ id, type, body });
    this.#log.entity(id, type, body);
    this.#versions += 1;
    return id;
  }

  #edge(...ends: Triple): void {
    const id = this.#newId();
    this.#edges.push({ id, ends });
    this.#log.edge(id, ends);
    this.#versions += 1;
  }

  /** Changes what stands so far, the older of it more often, until the log has this many versions. */
  #changeUntil(versions: number): void {
    const random = this.#random;
    for (; this.#versions < versions; this.#versions += 1) {
      const dice = random.below(100);
      if (dice < 80) this.#changeEntity(dice);
      else if (dice < 95) {
        const { id, ends } = random.pick(this.#edges);
        this.#log.edge(id, ends, { quality: random.below(255) });
      } else {
        const { edge, rooms } = random.pick(this.#places);
        const moving = this.#edges[edge];
        if (moving === undefined) throw new Error("every place is an edge");
        moving.ends[2] = random.pick(rooms);
        this.#log.edge(moving.id, moving.ends);
      }
    }
  }

  #changeEntity(dice: number): void {
    const random = this.#random;
    const entity = this.#entities[Math.floor(this.#entities.length * random.next() ** 2)];
    if (entity === undefined) throw new Error("there are entities");
    const changed = { ...entity.body, brightness: random.below(100), firmware: `1.${random.below(200)}.3` };
    if (dice === 0) {
      this.#log.superseded(entity.id, entity.type, changed);
      return;
    }
    entity.body =
      dice < 5 ? { ...changed, name: `${random.pick(ROOMS)} ${random.pick(THINGS)} ${random.below(200)}` } : changed;
    this.#log.entity(entity.id, entity.type, entity.body);
  }

  #maker(): string {
    return this.#random.pick(MAKERS);
  }

  #newId(): RecordId {
    const digits = Array.from({ length: 4 }, () =>
      this.#random
        .below(2 ** 32)
        .toString(16)
        .padStart(8, "0"),
    ).join("");
    const [a, b, c, d, e] = [
      digits.slice(0, 8),
      digits.slice(8, 12),
      digits.slice(13, 16),
      digits.slice(17, 20),
      digits.slice(20),
    ];
    return parseRecordId(`${a}-${b}-4${c}-8${d}-${e}`);
  }
}
