import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { GibbonUser } from "../support/gibbon-command.ts";
import { connectDevice, within } from "../support/node-device.ts";
import { QuarrellingDevices } from "../support/quarrel.ts";
import { REPOSITORY } from "../support/run-tool.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

// The real program on real services: as a process where its output, its signals or its exit code are the point, in this
// process where its answers are.

// Starting a process takes a second where others work, too.
vi.setConfig({ testTimeout: 60_000 });

let house: Constellation;

beforeAll(async () => {
  house = await constellation();
});
afterAll(() => house[Symbol.asyncDispose]());

interface Entity {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly body: Record<string, unknown>;
  readonly where?: string;
}

const MAPLE_STREET = ["maple-street.json", "maple-street.rooms.json"].map((name) =>
  join(REPOSITORY, "examples/demo/home", name),
);

/** Somebody who has logged in. */
async function person(villa: TestHousehold, role: keyof TestHousehold["tokens"] = "owner"): Promise<GibbonUser> {
  const user = new GibbonUser();
  const { code, stderr } = await user.login(house.urls, villa.tokens[role]);
  expect([code, stderr]).toEqual([0, ""]);
  return user;
}

describe("logging in", () => {
  it("keeps a profile for this user alone, and says who they are", async () => {
    const villa = await house.newHousehold();
    await using ada = new GibbonUser();
    const addresses = ["--sync", house.urls.syncCoordinator, "--store", house.urls.entityStore];
    const words = ["login", ...addresses, "--conflicts", house.urls.conflictResolution];
    const { code, stdout } = await ada.run(words, { input: `${villa.tokens.owner}\n` });
    expect([code, stdout]).toEqual([0, expect.stringContaining(`logged in as ada, owner of ${villa.id}`)]);
    const file = join(ada.folder, "config/gibbon/default.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await ada.ask("token", "--claims")).data).toMatchObject({
      user: "ada",
      household: villa.id,
      role: "owner",
    });
    expect((await ada.run(["token"])).stdout).toBe(`${villa.tokens.owner}\n`);
  });

  it("by the endpoints.json of a local system reads the token anew at every use", async () => {
    const villa = await house.newHousehold();
    await using ada = new GibbonUser();
    const file = join(ada.folder, "endpoints.json");
    writeFileSync(file, JSON.stringify({ ...house.urls, tokens: villa.tokens }));
    expect((await ada.run(["login", "--endpoints", "endpoints.json", "--role", "member"])).code).toBe(0);
    writeFileSync(file, JSON.stringify({ ...house.urls, tokens: { member: villa.tokens.guest } }));
    expect((await ada.ask("token", "--claims")).data).toMatchObject({ user: "gus" });
  });

  it("keeps nothing that the server does not take", async () => {
    await using eve = new GibbonUser();
    const [head = "", , signature = ""] = house.tokens.owner.split(".");
    const forged = [head, Buffer.from('{"sub":"eve"}').toString("base64url"), signature].join(".");
    expect(await eve.login(house.urls, forged)).toMatchObject({ code: 5 });
    expect(await eve.login(house.urls, "nonsense")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("that is no token"),
    });
    expect(await eve.ask("ls")).toMatchObject({ code: 7, error: { reason: "NOT_SET_UP" } });
  });

  it("is not needed where the environment names the home, and says what is missing of it", async () => {
    const { tokens } = await house.newHousehold();
    await using ada = new GibbonUser(endpointsOf(house));
    expect(await ada.ask("ls")).toMatchObject({
      code: 7,
      error: { message: expect.stringContaining("set FUNKYGIBBON_TOKEN too") },
    });
    expect((await ada.run(["ls"], { environment: { FUNKYGIBBON_TOKEN: tokens.member } })).code).toBe(0);
  });
});

describe("a home", () => {
  it("is imported once and read in every way", async () => {
    await using ada = await person(await house.newHousehold());
    const first = await ada.ask("import", ...MAPLE_STREET);
    expect(first.data).toMatchObject({ report: { created: 141, updated: 0 }, delivery: "synced" });
    const again = await ada.run(["import", ...MAPLE_STREET]);
    expect(again).toEqual({ code: 0, stdout: "homekit maple-street.json\n141 records as before\n", stderr: "" });

    expect((await ada.run(["ls", "kitchen"])).stdout).toMatch(
      /^type {4}name .*\ndevice {2}Ceiling light .*\ndevice {2}Kettle plug .*\n2 entities\n$/,
    );
    expect((await ada.ask<Entity[]>("ls", "kitchen", "--all")).data).toHaveLength(8);
    expect((await ada.run(["tree", "study"])).stdout).toBe(
      "Study\n├─ Desk lamp  Lumen Works  LW-DL14  dimming, on_off\n└─ Desk plug  Voltaro  VP-10  on_off\n",
    );
    const found = await ada.ask<Entity[]>("search", "keyhaven", "-t", "device");
    expect(found.data.map(({ name }) => name)).toEqual(["Front door lock"]);
    expect((await ada.run(["path", "Desk lamp", "Kettle plug"])).stdout.split("\n")).toEqual([
      "Desk lamp  device",
      "  located_in Study  room",
      "  located_in Maple Street 12  home",
      "  contains Kitchen  room",
      "  contains Kettle plug  device",
      "",
    ]);
    expect((await ada.ask("path", "Desk lamp", "Kettle plug", "--directed")).code).toBe(3);
  });

  it("is edited, and tells what it was", async () => {
    await using ada = await person(await house.newHousehold());
    await ada.ask("import", ...MAPLE_STREET);
    const began = new Date().toISOString();
    const created = await ada.run(["create", "note", "Fuse box", "--set", "text=Behind the coats", "--set", "floor=0"]);
    expect(created).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^created note Fuse box {2}[0-9a-f-]{36}\n$/),
    });
    const linked = await ada.run(["link", "Desk lamp", "documented_by", "fuse box"]);
    expect(linked.stdout).toMatch(/^connected\nDesk lamp documented_by Fuse box {2}[0-9a-f-]{36}\n$/);
    const edited = await ada.run([
      "edit",
      "Desk lamp",
      "-s",
      "name=Study lamp",
      "-s",
      "brightness=40",
      "-u",
      "firmware",
    ]);
    expect(edited.stdout).toBe("name  Desk lamp → Study lamp\nbrightness  nothing → 40\nfirmware  1.9.0 → nothing\n");

    const history = await ada.ask<{ versions: { changed_keys: string[]; is_head: boolean }[] }>(
      "history",
      "Study lamp",
    );
    expect(history.data.versions.map(({ changed_keys, is_head }) => [changed_keys.length, is_head])).toEqual([
      [3, true],
      [8, false],
    ]);
    expect((await ada.run(["history", "Study lamp", "--bodies"])).stdout).toContain("brightness     40");
    const diff = await ada.ask<{ kind: string; label: string }[]>("diff", began);
    expect(diff.data.map(({ kind, label }) => `${kind} ${label}`).sort()).toEqual([
      "created Fuse box",
      "created Study lamp documented_by Fuse box",
      "updated Study lamp",
    ]);
    expect((await ada.run(["diff", began])).stdout).toContain("    name  Desk lamp → Study lamp\n");
    expect((await ada.ask<{ entity: Entity }>("show", "Study lamp", "--at", began)).data.entity.name).toBe("Desk lamp");
    expect((await ada.ask<Entity[]>("ls", "study", "--at", began)).data.map(({ name }) => name)).toEqual([
      "Desk lamp",
      "Desk plug",
    ]);
    expect(await ada.ask("path", "study lamp", "fuse box", "--at", began)).toMatchObject({ code: 3 });
    expect(await ada.ask("show", "study lamp", "--at", began, "--offline")).toMatchObject({
      code: 6,
      error: { reason: "OFFLINE" },
    });
    const kept = await ada.ask("import", ...MAPLE_STREET);
    expect(kept.data).toMatchObject({
      report: { created: 0, updated: 0, kept: 1 },
      records: [{ label: "device Desk lamp", outcome: "kept", keys: ["name", "firmware"] }],
    });
  });

  it("gives back what was deleted", async () => {
    await using ada = await person(await house.newHousehold());
    const { data: lamp } = await ada.ask<{ entity: Entity }>("create", "device", "Lamp");
    await ada.ask("create", "room", "Study");
    const { data: link } = await ada.ask<{ relationship: { id: string } }>("link", "lamp", "located_in", "study");
    const { id } = lamp.entity;
    const gone = await ada.run(["rm", "lamp"]);
    expect(gone.stdout).toBe(`deleted device Lamp and 1 relationship\nback again by: gibbon restore ${id}\n`);
    expect((await ada.ask("show", "lamp")).code).toBe(3);
    const back = await ada.ask("restore", id.slice(-12));
    expect(back.data).toMatchObject({ id, type: "device", relationships: [link.relationship.id] });
    expect((await ada.ask<Entity[]>("ls", "study")).data.map(({ name }) => name)).toEqual(["Lamp"]);

    expect((await ada.ask("rm", link.relationship.id.slice(-8))).data).toMatchObject({ id: link.relationship.id });
    await ada.ask("rm", "lamp", "--offline");
    expect((await ada.ask("restore", id, "--offline")).data).toMatchObject({ id, delivery: "queued" });
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced" });
    expect((await ada.ask<Entity[]>("ls")).data.map(({ name }) => name)).toEqual(["Lamp", "Study"]);
  });

  it("forgets what the last commands did, one after the other, also offline, and leaves what others made of it", async () => {
    const villa = await house.newHousehold();
    await using ada = await person(villa);
    await ada.ask("create", "room", "Study");
    await ada.ask("edit", "Study", "--set", "floor=2", "--set", "area=9");
    await ada.ask("rm", "Study", "--yes");
    expect((await ada.ask("undo", "--offline")).data).toMatchObject({ undone: true, delivery: "queued" });
    await ada.ask("sync");
    await using panel = await connectDevice(house, { deviceId: "panel", token: villa.tokens.member });
    await panel.settled(within());
    const [study] = panel.graph.rooms();
    await panel.update(study?.id ?? "", { area: 12 });
    await panel.settled(within());
    expect((await ada.ask("undo")).data).toMatchObject({ undone: true, delivery: "synced" });
    expect((await ada.ask<{ entity: Entity }>("show", "Study")).data.entity.body).toEqual({ name: "Study", area: 12 });
    expect((await ada.run(["undo"])).stdout).toBe("room Study: edited since, and left as it is\n");
    expect(await ada.ask("undo")).toMatchObject({ code: 3, error: { reason: "NOTHING_TO_UNDO" } });
  });

  it("is edited in the editor of one's choice, key by key, and not at all when the editor fails", async () => {
    await using ada = await person(await house.newHousehold());
    await ada.ask("create", "device", "Lamp", "-s", "on=true");
    const editor = join(ada.folder, "editor.mjs");
    const script = `import { readFileSync, writeFileSync } from "node:fs";
const [file] = process.argv.slice(2);
if (process.env.FAILS) process.exit(1);
writeFileSync(file, readFileSync(file, "utf8").replace("true", process.env.SAYS));`;
    writeFileSync(editor, script);
    const EDITOR = `${process.execPath} ${editor}`;
    const edit = (environment: Record<string, string>) =>
      ada.run(["edit", "lamp", "--json"], { environment: { EDITOR, ...environment } });
    expect(JSON.parse((await edit({ SAYS: "false" })).stdout).data.changed_keys).toEqual(["on"]);
    expect(JSON.parse((await edit({ SAYS: "x" })).stdout).data.changed_keys).toEqual([]);
    expect((await edit({ FAILS: "1" })).code).toBe(4);
    expect((await ada.ask<{ entity: Entity }>("show", "lamp")).data.entity.body).toEqual({ name: "Lamp", on: false });
  });

  it("goes from one household to another as a file", async () => {
    await using ada = await person(await house.newHousehold());
    await using ben = await person(await house.newHousehold());
    await ada.ask("import", ...MAPLE_STREET);
    expect((await ada.run(["export", "-o", "home.ndjson"])).stdout).toBe("written 141 records to home.ndjson\n");
    const file = join(ada.folder, "home.ndjson");
    expect((await ben.ask("import", file, "--dry-run")).data).toMatchObject({
      dry_run: true,
      report: { created: 141 },
    });
    expect((await ben.ask("ls")).data).toEqual([]);
    expect((await ben.ask("import", file)).data).toMatchObject({
      source: "ndjson home.ndjson",
      report: { created: 141 },
    });
    expect((await ben.ask("import", file)).data).toMatchObject({ report: { created: 0, unchanged: 141 } });
    const said = (text: string) =>
      text
        .split("\n")
        .slice(1)
        .map((line) => line.replace(/"version":"[^"]*",/, ""));
    const { stdout } = await ben.run(["export"]);
    expect(said(stdout)).toEqual(said(readFileSync(file, "utf8")));
  });

  it("is refused whole when one line of a file is wrong", async () => {
    await using ada = await person(await house.newHousehold());
    writeFileSync(join(ada.folder, "devices.csv"), "name,room\nLamp,Study\n,Study\n");
    const { code, stderr } = await ada.run(["import", "devices.csv"]);
    expect([code, stderr]).toEqual([4, "gibbon: devices.csv: line 3 has no name\n"]);
    expect((await ada.ask("ls")).data).toEqual([]);
    expect(await ada.ask("import", "nowhere.json")).toMatchObject({
      code: 3,
      error: { message: "there is no file nowhere.json" },
    });
  });
});

describe("without a connection", () => {
  it("the home is read and edited, and what was edited is sent later", async () => {
    const villa = await house.newHousehold();
    const proxy = await TcpProxy.open({ targets: () => [Number(new URL(house.urls.syncCoordinator).port)] });
    await using ada = new GibbonUser();
    await ada.login({ ...house.urls, syncCoordinator: proxy.url }, villa.tokens.owner);
    await ada.run(["create", "room", "Study"]);
    await proxy[Symbol.asyncDispose]();

    const listed = await ada.ask<Entity[]>("ls");
    expect(listed).toMatchObject({ code: 0, data: [{ name: "Study" }], notes: [expect.stringMatching(/^offline: /)] });
    expect((await ada.ask("create", "device", "Lamp", "--in", "study")).data).toMatchObject({ delivery: "queued" });
    expect((await ada.ask("ls", "study", "--offline")).data).toMatchObject([{ name: "Lamp" }]);
    expect((await ada.ask("status", "--offline")).data).toMatchObject({ connected: false, pending_edits: 2 });
    expect(await ada.ask("history", "lamp", "--offline")).toMatchObject({ code: 6, error: { reason: "OFFLINE" } });
    expect((await ada.run(["sync"])).code).toBe(6);

    await ada.login(house.urls, villa.tokens.owner);
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced", pending_edits: 0 });
    await using panel = await connectDevice(house, { deviceId: "wall-panel", token: villa.tokens.owner });
    await panel.settled(within());
    expect(panel.graph.find().map(({ name }) => name)).toEqual(["Lamp", "Study"]);
  });

  it("there is nothing to read on a machine that never had one", async () => {
    await using ada = await person(await house.newHousehold());
    expect(await ada.ask("ls", "--offline")).toMatchObject({
      code: 6,
      error: { message: expect.stringContaining("nothing of your home") },
    });
  });
});

describe("a conflict", () => {
  it("is listed, explained and settled by flags", async () => {
    await using quarrel = await QuarrellingDevices.meet(house);
    await quarrel.quarrel({ wish: ResolutionStrategy.MANUAL });
    await using ada = await person(quarrel.household);
    const { data: conflicts } = await ada.ask<{ id: string; label: string; fields: object[] }[]>("conflicts", "list");
    expect(conflicts).toMatchObject([
      { label: "device Lamp", decision: "open", fields: [{ field: "brightness", local: 70, server: 30 }] },
    ]);
    const id = conflicts[0]?.id.slice(-8) ?? "";
    const { stdout } = await ada.run(["conflicts", "explain", id]);
    expect(stdout).toContain("brightness");
    expect(stdout).toContain("panel-of-ben (head)");
    expect(await ada.ask("conflicts", "settle", id)).toMatchObject({ code: 2, error: { reason: "USAGE" } });
    expect((await ada.ask("conflicts", "settle", id, "--take", "local")).data).toMatchObject([
      { decision: "took_local" },
    ]);
    expect((await ada.ask<{ entity: Entity }>("show", "lamp")).data.entity.body).toMatchObject({ brightness: 70 });
    expect((await ada.run(["conflicts", "list"])).stdout).toBe("no conflicts\n");
    expect((await ada.ask("conflicts", "settle", id, "--body", '{"name":"Lamp","brightness":55}')).data).toMatchObject([
      { decision: "edited" },
    ]);
    expect(await ada.ask("conflicts", "explain", "00000000")).toMatchObject({ code: 3 });
  });
});

describe.runIf(process.platform === "linux")("a person at a terminal", () => {
  it("is decided as the policies of the household say, which an owner may change", async () => {
    const villa = await house.newHousehold();
    await using ada = await person(villa);
    await using ben = await person(villa, "member");
    interface Policy {
      readonly type: string;
      readonly strategy: string;
      readonly rules: Record<string, string>;
    }
    const of = async (type: string) => (await ben.ask<Policy[]>("policies", type)).data;
    expect(await of("procedure")).toMatchObject([{ type: "procedure", strategy: "merge", rules: { name: "longer" } }]);
    await ada.ask("policies", "procedure", "--strategy", "manual", "--rule", "note=longer");
    expect(await of("procedure")).toMatchObject([{ strategy: "manual", rules: { name: "longer", note: "longer" } }]);
    expect(await of("default")).toMatchObject([{ strategy: "merge" }]);
    expect((await ben.run(["policies"])).stdout).toMatch(/^procedure +manual +/m);
    expect(await ben.ask("policies", "device", "--strategy", "manual")).toMatchObject({ code: 5 });
    expect(await ada.ask("policies", "device", "--rule", "note=shorter")).toMatchObject({ code: 4 });
    expect(await ada.ask("policies", "--strategy", "manual")).toMatchObject({ code: 2 });
  });

  it("is asked how to settle each conflict, and what was settled stays so when they have had enough", async () => {
    await using quarrel = await QuarrellingDevices.meet(house);
    await quarrel.quarrel({ wish: ResolutionStrategy.MANUAL });
    await quarrel.quarrel({ wish: ResolutionStrategy.MANUAL });
    await using ada = await person(quarrel.household);
    const settling = ada.startInTerminal(["conflicts", "settle"]);
    const screen = watched(settling);
    await screen.shows("Which is right?");
    expect(screen.text()).toContain("panel-of-ben (head)");
    settling.stdin?.write("\u001b[B\r");
    await screen.shows("the other side, by phone-of-ada");
    await expect.poll(() => screen.text().split("panel-of-ben (head)").length).toBe(3);
    settling.stdin?.write("\u0003");
    expect(await once(settling, "exit")).toEqual([130, null]);
    expect(screen.text()).toContain("settled");
    expect((await ada.ask<object[]>("conflicts", "list")).data).toHaveLength(1);
    expect((await ada.ask("conflicts", "list", "--state", "settled")).data).toMatchObject([{ decision: "took_local" }]);
  });

  it("sees colours, and is asked before anything is deleted", async () => {
    await using ada = await person(await house.newHousehold());
    await ada.ask("create", "device", "Lamp");
    const removing = ada.startInTerminal(["rm", "lamp"]);
    const screen = watched(removing);
    await screen.shows("Delete device Lamp?");
    removing.stdin?.write("n");
    expect(await once(removing, "exit")).toEqual([130, null]);
    const listing = watched(ada.startInTerminal(["ls"]));
    await listing.shows("\u001b[36mdevice");
    expect((await ada.ask<Entity[]>("ls")).data).toHaveLength(1);
  });
});

describe("gibbon", () => {
  it("watches what others do until Ctrl-C", async () => {
    const villa = await house.newHousehold();
    await using ada = await person(villa);
    await using panel = await connectDevice(house, { deviceId: "wall-panel", token: villa.tokens.member });
    const watching = ada.start(["sync", "--watch"]);
    const { shows } = watched(watching);
    await shows("watching");
    await panel.create({ type: "device", body: { name: "Kettle" } });
    await shows("device Kettle");
    expect(await ada.ask("ls")).toMatchObject({
      code: 6,
      error: { reason: "STORE_IN_USE", message: expect.stringContaining(`is open already by process ${watching.pid}`) },
    });
    const { data: devices } = await ada.ask<{ connected: boolean }[]>("devices");
    expect(devices.map(({ connected }) => connected)).toEqual([true, true]);
    watching.kill("SIGINT");
    expect(await once(watching, "exit")).toEqual([130, null]);
    expect((await ada.ask<Entity[]>("ls")).data.map(({ name }) => name)).toEqual(["Kettle"]);
  });

  it("says what may have been meant, and with which code it ends", async () => {
    await using ada = await person(await house.newHousehold());
    await ada.ask("create", "device", "Desk lamp");
    await ada.ask("create", "device", "Twin");
    await ada.ask("create", "note", "Twin");
    const misspelt = await ada.run(["show", "dsk lamp"]);
    expect(misspelt.code).toBe(3);
    expect(misspelt.stderr).toMatch(
      /^gibbon: there is no entity called dsk lamp\nDid you mean\n {2}device Desk lamp {2}…[0-9a-f]{8}\n$/,
    );
    expect(await ada.ask("show", "twin")).toMatchObject({
      code: 3,
      error: { suggestions: [{ label: /.* Twin/ }, {}].map(() => expect.anything()) },
    });
    expect((await ada.ask<{ entity: Entity }>("show", "note:twin")).data.entity.type).toBe("note");
    expect(await ada.ask("show", "00000000-0000-4000-8000-000000000000")).toMatchObject({ code: 3 });
    expect(await ada.ask("ls", "--tpye", "device")).toMatchObject({
      code: 2,
      error: { message: expect.stringContaining("Did you mean --type?") },
    });
    expect((await ada.run(["lss"])).stderr).toContain("Did you mean ls?");
    expect(await ada.ask("create", "lamp", "Desk lamp")).toMatchObject({
      code: 2,
      error: { message: expect.stringContaining("is no type of entity") },
    });
    expect(await ada.ask("link", "Desk lamp", "located_in", "device:twin")).toMatchObject({
      code: 4,
      error: { reason: "FORBIDDEN_EDGE" },
    });
    expect(await ada.ask("diff", "whenever")).toMatchObject({ code: 2 });
    expect((await ada.run(["ls", "--help"])).stdout).toContain("Examples:");
  });

  it("does not let a guest change anything, nor anybody forget a device but an owner", async () => {
    const villa = await house.newHousehold();
    await using ada = await person(villa);
    await ada.ask("create", "room", "Study");
    await using gus = await person(villa, "guest");
    expect((await gus.ask("ls")).data).toMatchObject([{ name: "Study" }]);
    expect(await gus.ask("create", "room", "Attic")).toMatchObject({ code: 5, error: { reason: "READ_ONLY_ROLE" } });
    expect((await gus.ask("devices", "--forget", "anything")).code).toBe(5);
  });

  it("measures without changing anything, unless it is asked to", async () => {
    await using ada = await person(await house.newHousehold());
    const quick = await ada.ask<{ what: string }[]>("bench", "-r", "2");
    expect(quick.data.map(({ what }) => what)).toHaveLength(4);
    const writing = await ada.ask<{ what: string }[]>("bench", "-r", "2", "--write");
    expect(writing.data.at(-1)).toMatchObject({ what: "an edit, until the server has it", runs: 2 });
    expect((await ada.ask("ls")).data).toEqual([]);
  });
});

describe("a token", () => {
  it("that has expired stops nobody from reading and editing, and is told", async () => {
    const villa = await house.newHousehold();
    await using ada = await person(villa);
    await ada.ask("create", "room", "Study");
    const expired = await villa.mint({ ttlSeconds: -10 });
    const as = (token: string) => ({ ...endpointsOf(house), FUNKYGIBBON_TOKEN: token });
    const { code, stderr } = await ada.run(["create", "room", "Attic"], { environment: as(expired) });
    expect([code, stderr]).toEqual([0, "offline: the token has expired: gibbon login takes another\n"]);
    expect(await ada.run(["sync"], { environment: as(expired) })).toMatchObject({ code: 5 });
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced", entities: 2 });
  });

  it("of another home is not taken for this one's", async () => {
    const [villa, cabin] = await Promise.all([house.newHousehold(), house.newHousehold()]);
    await using ada = await person(villa);
    await ada.ask("create", "room", "Study");
    expect(await ada.login(house.urls, cabin.tokens.owner)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(new RegExp(`has the home ${villa.id} on .*, and this token is for ${cabin.id}`)),
    });
    expect((await ada.ask<Entity[]>("ls")).data).toMatchObject([{ name: "Study" }]);
    const as = { ...endpointsOf(house), FUNKYGIBBON_TOKEN: cabin.tokens.owner };
    expect(await ada.run(["ls"], { environment: as })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("another home"),
    });
    expect(await ada.ask("ls", "--profile", "cabin")).toMatchObject({ code: 7 });
  });
});

/** What a program has written so far. */
function watched(child: ChildProcess) {
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  return {
    text: () => output,
    shows: (text: string) => expect.poll(() => output, { timeout: 20_000 }).toContain(text),
  };
}

function endpointsOf({ urls }: Constellation): Record<string, string> {
  return {
    SYNC_COORDINATOR_URL: urls.syncCoordinator,
    ENTITY_STORE_URL: urls.entityStore,
    CONFLICT_RESOLUTION_URL: urls.conflictResolution,
  };
}
