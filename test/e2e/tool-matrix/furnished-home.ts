import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { must } from "@funkygibbon/kernel/must";
import { type Assistant, connectAssistant } from "../../support/assistant.ts";
import type { Constellation } from "../../support/constellation.ts";
import type { TestHousehold } from "../../support/constellation-callers.ts";
import { DevicePen } from "../../support/device-pen.ts";
import { WireDevice } from "../../support/wire-device.ts";

/** A household with one of everything that a tool can be asked about. */
export interface FurnishedHome extends AsyncDisposable {
  readonly household: TestHousehold;
  /** Of ben, a member. */
  readonly assistant: Assistant;
  readonly house: string;
  readonly kitchen: string;
  readonly hall: string;
  /** A room with nothing in it. */
  readonly attic: string;
  readonly door: string;
  /** In the kitchen; with an accessory of one service. */
  readonly lamp: string;
  readonly service: string;
  /** In the hall; controls the lamp, and is like it. */
  readonly wallSwitch: string;
  /** Related to nothing and like nothing. */
  readonly loner: string;
  readonly dusk: string;
  readonly procedure: string;
  /** Deleted on a device. */
  readonly oldNote: string;
  /** A room of several of everything that lists can be long of. */
  readonly garage: string;
  /** One of several like it in the garage; with several automations, procedures and versions. */
  readonly heater: string;
  readonly edges: { readonly lampInKitchen: string; readonly switchControlsLamp: string };
  /** Waits for a person: the lamp's brightness is 30 here and 70 there. */
  readonly conflict: string;
  readonly panel: string;
  /** A call of ben's assistant that renamed the loner. */
  readonly renaming: string;
  /** Before anything of this was there, and after all of it. */
  readonly before: string;
  readonly after: string;
}

/** Furnishes a household of its own, through a wall panel that stays connected and an assistant. */
export async function furnishedHome(system: Constellation, panel: string): Promise<FurnishedHome> {
  await using opened = new AsyncDisposableStack();
  const before = new Date(Date.now() - 1_000).toISOString();
  const household = await system.newHousehold();
  const { sync } = system.clients;
  const device = opened.use(WireDevice.open({ sync, token: household.tokens.owner, deviceId: panel }));
  await device.upToDate();
  const pen = new DevicePen(panel);
  const things = thingsOf(pen);
  const { edges, all } = edgesOf(pen, things);
  await device.push([...Object.values(things), ...all]);
  const { lamp, oldNote } = things;
  const several = severalOf(pen, things.hall);
  await device.push([...several.things, ...several.edges]);
  const { heater } = several;
  await device.push([
    pen.remove(oldNote),
    pen.update(lamp, { ...LAMP, brightness: 30 }),
    pen.update(heater, { ...HEATER, level: 1 }),
  ]);
  const wish = ResolutionStrategy.MANUAL;
  const { conflicts } = await device.push([
    pen.update(lamp, { ...LAMP, brightness: 70 }, { wish }),
    pen.update(heater, { ...HEATER, level: 2 }, { wish }),
  ]);
  const assistant = opened.use(await connectAssistant(system, household.tokens.member));
  const renamed = await assistant.call<{ call_id: string }>("update_entity", {
    entity_id: things.loner.recordId,
    content: { name: "Hermit" },
  });
  await assistant.call("update_entity", { entity_id: several.garage.recordId, content: { floor: 0 } });
  const moved = opened.move();
  const id = (thing: Change) => thing.recordId;
  return {
    household,
    assistant,
    house: id(things.house),
    kitchen: id(things.kitchen),
    hall: id(things.hall),
    attic: id(things.attic),
    door: id(things.door),
    lamp: id(lamp),
    service: id(things.service),
    wallSwitch: id(things.wallSwitch),
    loner: id(things.loner),
    dusk: id(things.dusk),
    procedure: id(things.procedure),
    oldNote: id(oldNote),
    garage: id(several.garage),
    heater: id(heater),
    edges: { lampInKitchen: id(edges.lampInKitchen), switchControlsLamp: id(edges.switchControlsLamp) },
    conflict: must(
      conflicts.find(({ recordId }) => recordId === lamp.recordId),
      "the two edits contradict each other",
    ).conflictId,
    panel,
    renaming: renamed.data.call_id,
    before,
    after: new Date().toISOString(),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

const LAMP = { name: "Ceiling lamp", manufacturer: "IKEA", brightness: 50, capabilities: ["on_off", "dimming"] };

const HEATER = { name: "Heater 0", manufacturer: "Warmth" };

/** Enough of everything for more than one page. */
function severalOf(pen: DevicePen, hall: Change) {
  const three = (name: string, type: Parameters<DevicePen["entity"]>[1]) =>
    [0, 1, 2].map((nr) => pen.entity({ ...HEATER, name: `${name} ${nr}` }, type));
  const garage = pen.entity({ name: "Garage" }, { type: "room" });
  const heaters = three("Heater", { type: "device" });
  const heater = must(heaters[0], "there are three");
  const timers = three("Timer", { type: "automation" });
  const checks = three("Check", { type: "procedure" });
  const gates = three("Gate", { type: "door" });
  const edge = (from: Change, type: Parameters<DevicePen["edge"]>[0], to: Change) =>
    pen.edge(type, from.recordId, to.recordId);
  const edges = [
    ...heaters.map((each) => edge(each, "located_in", garage)),
    ...timers.map((each) => edge(each, "automates", heater)),
    ...checks.map((each) => edge(each, "procedure_for", heater)),
    ...gates.flatMap((each) => [edge(each, "connects_to", garage), edge(each, "connects_to", hall)]),
  ];
  return { garage, heater, things: [garage, ...heaters, ...timers, ...checks, ...gates], edges };
}

type Things = ReturnType<typeof thingsOf>;

function thingsOf(pen: DevicePen) {
  return {
    house: pen.entity({ name: "Villa" }, { type: "home" }),
    kitchen: pen.entity({ name: "Kitchen" }, { type: "room" }),
    hall: pen.entity({ name: "Hall" }, { type: "room" }),
    attic: pen.entity({ name: "Attic" }, { type: "room" }),
    door: pen.entity({ name: "Kitchen door" }, { type: "door" }),
    lamp: pen.entity(LAMP),
    accessory: pen.entity({ name: "Lamp accessory" }, { type: "accessory" }),
    service: pen.entity(
      {
        name: "Lightbulb",
        characteristics: [
          { type: "on", access: "rw" },
          { type: "brightness", access: "r" },
        ],
      },
      { type: "service" },
    ),
    wallSwitch: pen.entity({ name: "Wall switch", manufacturer: "IKEA" }),
    loner: pen.entity({ name: "Loner" }, { type: "app" }),
    dusk: pen.entity({ name: "Dusk" }, { type: "automation" }),
    procedure: pen.entity({ name: "Change the bulb", steps: ["Off", "Unscrew"] }, { type: "procedure" }),
    oldNote: pen.entity({ name: "Old note" }, { type: "note" }),
  };
}

function edgesOf(pen: DevicePen, things: Things) {
  const edge = (from: Change, type: Parameters<DevicePen["edge"]>[0], to: Change) =>
    pen.edge(type, from.recordId, to.recordId);
  const { house, kitchen, hall, attic, door, lamp, accessory, service, wallSwitch, dusk, procedure } = things;
  const edges = {
    lampInKitchen: edge(lamp, "located_in", kitchen),
    switchControlsLamp: edge(wallSwitch, "controls", lamp),
  };
  const all = [
    ...[kitchen, hall, attic].map((room) => edge(room, "located_in", house)),
    ...[kitchen, hall].map((room) => edge(door, "connects_to", room)),
    edges.lampInKitchen,
    edges.switchControlsLamp,
    edge(wallSwitch, "located_in", hall),
    edge(accessory, "part_of", lamp),
    edge(service, "part_of", accessory),
    edge(dusk, "automates", lamp),
    edge(procedure, "procedure_for", lamp),
  ];
  return { edges, all };
}
