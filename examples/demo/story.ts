import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@funkygibbon/client";
import { openBrowserClient } from "@funkygibbon/client/browser-client";
import type { EntityView, GraphView } from "@funkygibbon/client/graph-view";
import { openNodeClient } from "@funkygibbon/client/node-client";
import { readServerPosition, type ServerPosition } from "@funkygibbon/client/server-position";
import { connectAssistant } from "./assistant.ts";
import { type HomeFiles, importHome } from "./home-files.ts";
import { drawHome } from "./home-tree.ts";
import type { Narrator } from "./narrator.ts";
import type { Palette } from "./palette.ts";
import type { DemoSystem } from "./system.ts";

/** What the story is told with. */
export interface Stage {
  readonly system: DemoSystem;
  readonly home: HomeFiles;
  readonly narrator: Narrator;
  readonly palette: Palette;
  /** Ends the story early. */
  readonly signal: AbortSignal;
}

type DeviceRecord = EntityView["id"];

interface Cast {
  readonly phone: Client;
  readonly panel: Client;
}

const STEP_PATIENCE_MS = 30_000;

/** Plays the demo on a running system. @throws BrokenPromise when something is not as promised. */
export async function playStory(stage: Stage): Promise<void> {
  const { system, narrator, palette } = stage;
  const { syncCoordinator: url } = system;
  const adaToken = await system.token("ada", "owner");
  const benToken = await system.token("ben", "member");
  await using phone = await openNodeClient({ url, token: () => adaToken, deviceId: "ada-phone" });
  await using panel = await openNodeClient({ url, token: () => benToken, deviceId: "wall-panel" });
  const cast = { phone, panel };

  const devices = await importAndPush(stage, cast);
  narrator.say();
  for (const line of drawHome(panel.graph, palette)) narrator.say(`     ${line}`);
  narrator.say();
  const lamp = await partAndMeet(stage, cast, devices);
  await assist(stage, cast, lamp, benToken);
  await using browser = await openBrowserClient({ url, token: () => benToken, deviceId: "ben-browser" });
  await browse(stage, cast, browser, lamp);

  const signal = patience(stage);
  await Promise.all([phone, panel, browser].map((client) => client.settled(signal)));
  const server = await readServerPosition({ url, token: adaToken, deviceId: "demo-auditor", signal });
  narrator.say();
  for (const line of drawHome(browser.graph, palette)) narrator.say(`     ${line}`);
  narrator.say();
  compare(stage, { "Ada's phone": phone, "wall panel": panel, "Ben's browser": browser }, server);
}

/** @returns the devices in the order of the dump. */
async function importAndPush(stage: Stage, { phone, panel }: Cast): Promise<readonly DeviceRecord[]> {
  const { narrator, home } = stage;
  const signal = patience(stage);
  await narrator.step("Ada's phone and the wall panel say hello over gRPC", async () => {
    phone.connect();
    await phone.settled(signal);
    panel.connect();
    await panel.settled(signal);
  });
  const { report, devices } = await narrator.step(`The phone imports ${fileName(home)}, a HomeKit accessory dump`, () =>
    importHome(phone, home),
  );
  narrator.note(`${report.created} records: ${inventory(phone)}`);
  await narrator.step("… and pushes it over SyncStream; the panel receives it live", async () => {
    await phone.settled(signal);
    const seq = phone.state.headSeq;
    await panel.until((state) => state.upToDateSeq >= seq, signal);
  });
  narrator.check(phone.deadLetters().length === 0, "every record found its place");
  narrator.check(
    inventory(panel) === inventory(phone),
    `the panel has ${panel.graph.find().length} entities, as the phone`,
  );
  narrator.check(panel.digest === phone.digest, `both replicas have the digest ${hex(phone.digest)}`);
  const { report: again } = await narrator.step("The import runs a second time", () => importHome(phone, home));
  narrator.check(again.created + again.updated + phone.state.pendingEdits === 0, "nothing changes");
  return devices;
}

/** @returns the device that both have edited. */
async function partAndMeet(
  stage: Stage,
  { phone, panel }: Cast,
  devices: readonly DeviceRecord[],
): Promise<EntityView> {
  const { narrator } = stage;
  const lamp = pickLamp(phone, devices);
  const doomed = pickAnother(phone, lamp);
  await narrator.step("Both go offline", async () => {
    await Promise.all([phone.disconnect(), panel.disconnect()]);
  });
  await narrator.step(`Both edit ${lamp.name}; Ada deletes ${doomed.name}, Ben edits it`, async () => {
    await phone.update(lamp.id, { on: true });
    await panel.update(lamp.id, { scene: "Dinner" });
    await phone.update(lamp.id, { brightness: 30 });
    await sleep(50);
    await panel.update(lamp.id, { brightness: 65 });
    await phone.remove(doomed.id);
    await panel.update(doomed.id, { note: "Ben was here" });
  });
  narrator.note("Ada: on, brightness 30 · Ben, a moment later: scene Dinner, brightness 65");
  narrator.check(phone.graph.entity(lamp.id)?.body.brightness === 30, "offline, each sees their own edits at once");
  await narrator.step("Both come back", async () => {
    const signal = patience(stage);
    phone.connect();
    panel.connect();
    await Promise.all([phone.settled(signal), panel.settled(signal)]);
    await together([phone, panel], signal);
  });
  for (const client of [phone, panel]) {
    const body = client.graph.entity(lamp.id)?.body;
    const merged = body?.on === true && body.scene === "Dinner" && body.brightness === 65;
    narrator.check(merged, `${client.deviceId}: on and scene are merged, the later brightness of 65 stands`);
    narrator.check(client.graph.entity(doomed.id) === undefined, `${client.deviceId}: ${doomed.name} stays deleted`);
  }
  for (const { deviceId, conflicts } of [phone, panel]) {
    if (conflicts.length > 0)
      narrator.note(`${deviceId}: ${conflicts.length} conflicts kept in the inbox, to be re-decided any time`);
  }
  narrator.check(phone.digest === panel.digest, `both replicas have the digest ${hex(phone.digest)}`);
  return phone.graph.entity(lamp.id) ?? lamp;
}

async function assist(stage: Stage, { phone, panel }: Cast, lamp: EntityView, token: string): Promise<void> {
  const { narrator, system } = stage;
  const room = phone.graph.neighbours(lamp.id, { types: ["located_in"], direction: "out" })[0]?.entity;
  narrator.check(room !== undefined, `${lamp.name} stands in a room`);
  if (room === undefined) return;
  await using assistant = await narrator.step("An AI assistant connects over MCP", () =>
    connectAssistant(system.mcpGateway, token),
  );
  const inRoom = await narrator.step(`It asks what is in ${room.name}`, () =>
    assistant.call("get_devices_in_room", { room: room.id }),
  );
  const found = Array.isArray(inRoom.entities) ? inRoom.entities.map(({ id }: { id: string }) => id) : [];
  const expected = phone.graph.devicesIn(room.id).map(({ id }) => id);
  narrator.check(sameItems(found, expected), `it is told of the ${expected.length} devices there`);
  const name = `${lamp.name} by the door`;
  await narrator.step(`It renames ${lamp.name}`, async () => {
    await assistant.call("update_entity", { entity_id: lamp.id, content: { name } });
    await together([phone, panel], patience(stage), () =>
      [phone, panel].every((client) => client.graph.entity(lamp.id)?.name === name),
    );
  });
  narrator.check(panel.graph.entity(lamp.id)?.name === name, `phone and panel read ${name}`);
}

async function browse(stage: Stage, { phone, panel }: Cast, browser: Client, lamp: EntityView): Promise<void> {
  const { narrator } = stage;
  const signal = patience(stage);
  await narrator.step("A browser connects over Connect, HTTP/1.1", async () => {
    browser.connect();
    await browser.settled(signal);
  });
  narrator.check(browser.digest === phone.digest, "it sees it all");
  await narrator.step("Ben switches the lamp off in the browser", async () => {
    await browser.update(lamp.id, { on: false });
    await browser.settled(signal);
    await together([phone, panel, browser], signal, () =>
      [phone, panel].every((client) => client.graph.entity(lamp.id)?.body.on === false),
    );
  });
  narrator.check(panel.graph.entity(lamp.id)?.body.on === false, "phone and panel see it live");
}

function compare({ narrator, palette }: Stage, replicas: Record<string, Client>, server: ServerPosition): void {
  const rows = Object.entries(replicas).map(([name, { state, digest, graph }]) => ({
    name,
    records: String(graph.find().length + graph.relationships().length),
    seq: String(state.upToDateSeq),
    digest: hex(digest),
  }));
  rows.push({ name: "server", records: "", seq: String(server.headSeq), digest: hex(server.digest) });
  narrator.say(`     ${palette.bold(`${"replica".padEnd(16)}${"records".padStart(8)}${"seq".padStart(8)}   digest`)}`);
  for (const { name, records, seq, digest } of rows) {
    narrator.say(`     ${name.padEnd(16)}${records.padStart(8)}${seq.padStart(8)}   ${palette.green(digest)}`);
  }
  narrator.say();
  narrator.check(
    new Set(rows.map(({ digest }) => digest)).size === 1,
    "every replica and the server have the same digest",
  );
}

/** Waits until these replicas stand at the newest seq that any of them knows, and for whatever else is asked. */
async function together(
  clients: readonly Client[],
  signal: AbortSignal,
  also: () => boolean = () => true,
): Promise<void> {
  const newest = () => Math.max(...clients.map(({ state }) => state.headSeq));
  const even = () => clients.every(({ state }) => state.upToDateSeq >= newest()) && also();
  while (!even()) {
    signal.throwIfAborted();
    await sleep(1);
  }
}

/** The first device of the dump with a writable On, else the first device. */
function pickLamp({ graph }: Client, devices: readonly DeviceRecord[]): EntityView {
  const first = devices.find((id) => canBeSwitched(graph, id)) ?? devices[0];
  const picked = first === undefined ? undefined : graph.entity(first);
  if (picked === undefined) throw new Error("the home has no device");
  return picked;
}

function canBeSwitched(graph: GraphView, device: DeviceRecord): boolean {
  const parts = (id: DeviceRecord) => graph.neighbours(id, { types: ["part_of"], direction: "in" });
  return parts(device)
    .flatMap(({ entity }) => parts(entity.id))
    .flatMap(({ entity }) => (Array.isArray(entity.body.characteristics) ? entity.body.characteristics : []))
    .some(({ type, access }) => type === "on" && String(access).includes("w"));
}

/** Something else to delete: the last other device, else a part of the only one. */
function pickAnother({ graph }: Client, lamp: EntityView): EntityView {
  const others = graph.find({ type: "device", where: ({ id }) => id !== lamp.id });
  const picked = others.at(-1) ?? graph.find({ type: "service" })[0];
  if (picked === undefined) throw new Error("the home has nothing to delete");
  return picked;
}

function inventory({ graph }: Client): string {
  const types = ["home", "room", "device", "accessory", "service"] as const;
  const counts = types.map((type) => counted(graph.find({ type }).length, type));
  return [...counts, counted(graph.relationships().length, "relationship")].join(", ");
}

function counted(count: number, what: string): string {
  if (count === 1) return `1 ${what}`;
  return `${count} ${what.endsWith("y") ? `${what.slice(0, -1)}ies` : `${what}s`}`;
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && [...a].sort().join() === [...b].sort().join();
}

function patience({ signal }: Stage): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(STEP_PATIENCE_MS)]);
}

function fileName({ dumpFile }: HomeFiles): string {
  return dumpFile.slice(dumpFile.lastIndexOf("/") + 1);
}

function hex(digest: bigint): string {
  return digest.toString(16).padStart(16, "0");
}
