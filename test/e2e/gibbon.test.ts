import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { type EntityAnswer, GibbonUser, somebody } from "../support/gibbon-command.ts";
import { connectDevice, within } from "../support/node-device.ts";
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

const MAPLE_STREET = ["maple-street.json", "maple-street.rooms.json"].map((name) =>
  join(REPOSITORY, "examples/demo/home", name),
);

describe("a home", () => {
  it("is imported once and read in every way", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    const first = await ada.ask("import", ...MAPLE_STREET);
    expect(first.data).toMatchObject({ report: { created: 141, updated: 0 }, delivery: "synced" });
    const again = await ada.run(["import", ...MAPLE_STREET]);
    expect(again).toEqual({ code: 0, stdout: "homekit maple-street.json\n141 records as before\n", stderr: "" });

    expect((await ada.run(["ls", "kitchen"])).stdout).toMatch(
      /^type {4}name .*\ndevice {2}Ceiling light .*\ndevice {2}Kettle plug .*\n2 entities\n$/,
    );
    expect((await ada.ask<EntityAnswer[]>("ls", "kitchen", "--all")).data).toHaveLength(8);
    expect((await ada.run(["tree", "study"])).stdout).toBe(
      "Study\n├─ Desk lamp  Lumen Works  LW-DL14  dimming, on_off\n└─ Desk plug  Voltaro  VP-10  on_off\n",
    );
    const found = await ada.ask<EntityAnswer[]>("search", "keyhaven", "-t", "device");
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
    await using ada = await somebody(house, await house.newHousehold());
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

    const history = await ada.ask<{
      versions: { version: string; changed_keys: string[]; is_head: boolean }[];
    }>("history", "Study lamp");
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
    expect((await ada.ask<{ entity: EntityAnswer }>("show", "Study lamp", "--at", began)).data.entity.name).toBe(
      "Desk lamp",
    );
    expect((await ada.ask<EntityAnswer[]>("ls", "study", "--at", began)).data.map(({ name }) => name)).toEqual([
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
    const imported = history.data.versions.at(-1)?.version ?? "";
    expect((await ada.ask("restore", "Study lamp", "--version", imported)).data).toMatchObject({ type: "device" });
    expect((await ada.ask("show", "Desk lamp")).data).toMatchObject({ entity: { body: { firmware: "1.9.0" } } });
  });

  it("loses no name by the way", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    expect(await ada.ask("create", "room", "")).toMatchObject({ code: 2, error: { reason: "USAGE" } });
    expect(await ada.ask("create", "room", "Study", "--set", "name=Office")).toMatchObject({ code: 2 });
    await ada.ask("create", "device", "Lamp");
    expect(await ada.ask("edit", "lamp", "--set", "name=")).toMatchObject({
      code: 2,
      error: { message: expect.stringContaining("--unset name") },
    });
    const environment = { EDITOR: "sed -i s/Lamp//" };
    expect((await ada.run(["edit", "lamp"], { environment })).code).toBe(2);
    expect((await ada.ask<EntityAnswer[]>("ls")).data.map(({ name }) => name)).toEqual(["Lamp"]);
    expect((await ada.ask("edit", "lamp", "--unset", "name")).data).toMatchObject({ changed_keys: ["name"] });
  });

  it("gives back what was deleted", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    const { data: lamp } = await ada.ask<{ entity: EntityAnswer }>("create", "device", "Lamp");
    await ada.ask("create", "room", "Study");
    const { data: link } = await ada.ask<{ relationship: { id: string } }>("link", "lamp", "located_in", "study");
    const { id } = lamp.entity;
    const gone = await ada.run(["rm", "lamp"]);
    expect(gone.stdout).toBe(`deleted device Lamp and 1 relationship\nback again by: gibbon restore ${id}\n`);
    expect((await ada.ask("show", "lamp")).code).toBe(3);
    const back = await ada.ask("restore", id.slice(-12));
    expect(back.data).toMatchObject({ id, type: "device", relationships: [link.relationship.id] });
    expect((await ada.ask<EntityAnswer[]>("ls", "study")).data.map(({ name }) => name)).toEqual(["Lamp"]);

    const then = new Date().toISOString();
    expect((await ada.ask("rm", link.relationship.id.slice(-8))).data).toMatchObject({ id: link.relationship.id });
    expect((await ada.ask("history", link.relationship.id.slice(-8))).data).toMatchObject({
      id: link.relationship.id,
      versions: [{ deleted: true }, {}, {}, {}],
    });
    expect((await ada.run(["show", link.relationship.id, "--at", then])).stdout).toMatch(
      /^as of .*\nLamp located_in Study {2}[0-9a-f-]{36}\n$/,
    );
    await ada.ask("rm", "lamp", "--offline");
    expect((await ada.ask("restore", id, "--offline")).data).toMatchObject({ id, delivery: "queued" });
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced" });
    expect((await ada.ask<EntityAnswer[]>("ls")).data.map(({ name }) => name)).toEqual(["Lamp", "Study"]);
  });

  it("forgets what the last commands did, one after the other, also offline, and leaves what others made of it", async () => {
    const villa = await house.newHousehold();
    await using ada = await somebody(house, villa);
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
    expect((await ada.ask<{ entity: EntityAnswer }>("show", "Study")).data.entity.body).toEqual({
      name: "Study",
      area: 12,
    });
    expect((await ada.run(["undo"])).stdout).toBe("room Study: edited since, and left as it is\n");
    expect(await ada.ask("undo")).toMatchObject({ code: 3, error: { reason: "NOTHING_TO_UNDO" } });
    await ada.ask("create", "room", "Attic");
    expect((await ada.run(["undo"])).stdout).toBe("taken back room Attic\n");
  });

  it("is edited in the editor of one's choice, key by key, and not at all when the editor fails", async () => {
    await using ada = await somebody(house, await house.newHousehold());
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
    expect((await ada.ask<{ entity: EntityAnswer }>("show", "lamp")).data.entity.body).toEqual({
      name: "Lamp",
      on: false,
    });
  });

  it("goes from one household to another as a file", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    await using ben = await somebody(house, await house.newHousehold());
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

  it("comes back when its import was undone, if it is asked to", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    const file = join(ada.folder, "devices.csv");
    writeFileSync(file, "name,room\nLamp,Study\n");
    await ada.ask("import", file);
    const before = (await ada.ask("ls")).data;
    await ada.ask("undo");
    const skipped = await ada.run(["import", file]);
    expect(skipped.stdout).toContain("5 records skipped");
    expect(skipped.stdout).toContain("  --restore brings back what was deleted here");
    const restored = await ada.run(["import", file, "--restore"]);
    expect(restored.stdout).toContain("5 records restored  1 home, 1 device, 1 room, 2 relationships");
    const withoutVersions = (answer: unknown) => JSON.stringify(answer).replace(/"version":"[^"]*"/g, "");
    expect(withoutVersions((await ada.ask("ls")).data)).toBe(withoutVersions(before));
    expect(await ada.ask("import", file, "--restore")).toMatchObject({ data: { report: { unchanged: 5 } } });
  });

  it("is refused whole when one line of a file is wrong", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    writeFileSync(join(ada.folder, "devices.csv"), "name,room\nLamp,Study\n,Study\n");
    const { code, stderr } = await ada.run(["import", "devices.csv"]);
    expect([code, stderr]).toEqual([4, "gibbon: devices.csv: line 3 has no name\n"]);
    writeFileSync(join(ada.folder, "windows.csv"), Buffer.from("name,room\nLamp,Study\nHerd,K\u00fcche\n", "latin1"));
    const foreign = await ada.run(["import", "windows.csv"]);
    expect([foreign.code, foreign.stderr]).toEqual([
      4,
      "gibbon: windows.csv: line 3 is not UTF-8: save the file as UTF-8 first\n",
    ]);
    expect((await ada.run(["import", "."])).stderr).toBe("gibbon: . is a folder: name the files in it\n");
    expect((await ada.ask("ls")).data).toEqual([]);
    expect(await ada.ask("import", "nowhere.json")).toMatchObject({
      code: 3,
      error: { message: "there is no file nowhere.json" },
    });
  });
});

describe.runIf(process.platform !== "win32")("a pipe", () => {
  it("is read as a file is, under the name that its source is given", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    const pipe = join(ada.folder, "63");
    execFileSync("mkfifo", [pipe]);
    const bringIn = async (...words: string[]) => {
      const writing = writeFile(pipe, "name\nLamp\n");
      const { code, stdout, stderr } = await ada.run(["import", "-f", "csv", pipe, ...words]);
      await writing;
      return [code, stdout || stderr];
    };
    expect(await bringIn()).toEqual([2, expect.stringContaining("63 is no file: say by --source what this source")]);
    expect(await bringIn("--source", "inventory")).toEqual([
      0,
      expect.stringMatching(/^csv inventory\n5 records created/),
    ]);
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

    const listed = await ada.ask<EntityAnswer[]>("ls");
    expect(listed).toMatchObject({ code: 0, data: [{ name: "Study" }], notes: [expect.stringMatching(/^offline: /)] });
    expect((await ada.ask("create", "device", "Lamp", "--in", "study")).data).toMatchObject({ delivery: "queued" });
    expect((await ada.ask("ls", "study", "--offline")).data).toMatchObject([{ name: "Lamp" }]);
    expect((await ada.ask("status", "--offline")).data).toMatchObject({ connected: false, pending_edits: 2 });
    expect(await ada.ask("history", "lamp", "--offline")).toMatchObject({ code: 6, error: { reason: "OFFLINE" } });
    const unsent = await ada.run(["sync"]);
    expect([unsent.code, unsent.stderr]).toEqual([6, expect.stringMatching(/^gibbon: .* cannot be reached: .*\n$/)]);

    await ada.login(house.urls, villa.tokens.owner);
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced", pending_edits: 0 });
    await using panel = await connectDevice(house, { deviceId: "wall-panel", token: villa.tokens.owner });
    await panel.settled(within());
    expect(panel.graph.find().map(({ name }) => name)).toEqual(["Lamp", "Study"]);
  });

  it("the home of a local system that does not run is read and edited as well", async () => {
    const villa = await house.newHousehold();
    await using ada = new GibbonUser();
    const file = join(ada.folder, "endpoints.json");
    const start = () => writeFileSync(file, JSON.stringify({ ...house.urls, tokens: villa.tokens }));
    start();
    expect((await ada.ask("login", "--endpoints", file)).code).toBe(0);
    await ada.ask("create", "room", "Study");
    rmSync(file);
    const note = `there is no ${file}: the local system does not run (npm start), or runs elsewhere`;
    expect(await ada.ask("ls")).toMatchObject({ code: 0, data: [{ name: "Study" }], notes: [`offline: ${note}`] });
    expect((await ada.ask("ls", "--offline")).notes).toEqual([]);
    expect((await ada.ask("status")).data).toMatchObject({ connected: false, reason: note, entities: 1 });
    expect((await ada.ask("create", "device", "Lamp")).data).toMatchObject({ delivery: "queued" });
    for (const words of [["sync"], ["sync", "--watch"], ["history", "Study"], ["ls", "--profile", "fresh"]]) {
      const { code, error } = await ada.ask(...words);
      expect([words, code, error.message]).toEqual([words, words.length > 2 ? 7 : 6, expect.anything()]);
    }
    start();
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced", pending_edits: 0, entities: 2 });
  });

  it("the home is read also when the file is gone that has the token", async () => {
    const villa = await house.newHousehold();
    await using ada = new GibbonUser();
    const file = join(ada.folder, "token");
    writeFileSync(file, villa.tokens.owner);
    const { syncCoordinator, entityStore, conflictResolution } = house.urls;
    const addresses = ["--sync", syncCoordinator, "--store", entityStore, "--conflicts", conflictResolution];
    expect((await ada.ask("login", ...addresses, "--token-file", file)).code).toBe(0);
    await ada.ask("create", "room", "Study");
    rmSync(file);
    const note = `there is no token in ${file}: run gibbon login again, or renew the file`;
    expect(await ada.ask("ls")).toMatchObject({ code: 0, data: [{ name: "Study" }], notes: [`offline: ${note}`] });
    expect(await ada.ask("sync")).toMatchObject({ code: 5, error: { reason: "NO_TOKEN", message: note } });
  });

  it("one sentence says of a server that it takes calls and never answers", async () => {
    const villa = await house.newHousehold();
    await using silent = await TcpProxy.open({ targets: () => [Number(new URL(house.urls.syncCoordinator).port)] });
    silent.hold();
    await using eve = new GibbonUser();
    await using ada = await somebody(house, villa);
    await ada.ask("create", "room", "Study");
    const environment = {
      SYNC_COORDINATOR_URL: silent.url,
      ENTITY_STORE_URL: silent.url,
      CONFLICT_RESOLUTION_URL: silent.url,
      FUNKYGIBBON_TOKEN: villa.tokens.owner,
    };
    const created = await ada.run(["create", "device", "Lamp"], { environment });
    expect([created.code, created.stderr]).toEqual([0, "offline: the server takes too long to answer\n"]);
    // It tells how long it would be waited for.
    let patienceMs = Number.POSITIVE_INFINITY;
    await using store = await answering(({ headers }) => {
      patienceMs = Number(headers["connect-timeout-ms"]);
    });
    await using ben = await somebody(house, villa);
    await ben.ask("ls");
    const [synced, listed, login, past] = await Promise.all([
      ada.run(["sync"], { environment }),
      ada.run(["devices"], { environment }),
      eve.login({ ...house.urls, entityStore: silent.url }, villa.tokens.owner),
      ben.run(["show", "Study", "--at", "now"], { environment: { ...environment, ENTITY_STORE_URL: store.url } }),
    ]);
    expect(past).toMatchObject({ code: 6, stderr: expect.stringContaining("cannot be reached") });
    expect(patienceMs, "what the first wait has left").toBeLessThanOrEqual(4_000);
    expect([synced.code, synced.stderr]).toEqual([6, "gibbon: the server takes too long to answer\n"]);
    const late = `gibbon: ${silent.url} takes too long to answer\n`;
    expect([listed.code, listed.stderr]).toEqual([6, late]);
    expect([login.code, login.stderr]).toEqual([6, late]);
  });

  it("Ctrl-C ends the sending, and says that what was edited is still to be sent", async () => {
    const villa = await house.newHousehold();
    await using silent = await TcpProxy.open({ targets: () => [Number(new URL(house.urls.syncCoordinator).port)] });
    await using ada = await somebody(house, villa);
    await ada.ask("create", "room", "Study");
    await ada.ask("create", "device", "Lamp", "--offline");
    silent.hold();
    const environment = {
      SYNC_COORDINATOR_URL: silent.url,
      ENTITY_STORE_URL: house.urls.entityStore,
      CONFLICT_RESOLUTION_URL: house.urls.conflictResolution,
      FUNKYGIBBON_TOKEN: villa.tokens.owner,
    };
    const sending = ada.start(["sync"], environment);
    const said = sending.stderr === null ? "" : text(sending.stderr);
    await expect.poll(() => silent.connections, { timeout: 20_000 }).toBe(1);
    sending.kill("SIGINT");
    expect(await once(sending, "exit")).toEqual([130, null]);
    expect(await said).toBe("1 edit kept on this machine; gibbon sync sends what is left\ngibbon: interrupted\n");
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced", pending_edits: 0 });
  });

  it.runIf(process.platform !== "win32")("it works where nobody hears what is said beside the answer", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    await ada.ask("create", "room", "Study");
    const environment = { SYNC_COORDINATOR_URL: "http://127.0.0.1:9", ENTITY_STORE_URL: "http://127.0.0.1:9" };
    const deaf = ada.start(["ls"], {
      ...environment,
      CONFLICT_RESOLUTION_URL: "http://127.0.0.1:9",
      FUNKYGIBBON_TOKEN: house.tokens.owner,
    });
    deaf.stderr?.destroy();
    expect(await once(deaf, "exit")).toEqual([0, null]);
  });

  it("there is nothing to read on a machine that never had one", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    expect(await ada.ask("ls", "--offline")).toMatchObject({
      code: 6,
      error: { message: expect.stringContaining("nothing of your home") },
    });
  });
});

/** A server that looks at each request and takes none. */
async function answering(
  look: (request: IncomingMessage) => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    look(request);
    response.writeHead(503).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
