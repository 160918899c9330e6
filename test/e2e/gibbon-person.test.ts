import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { type EntityAnswer, somebody } from "../support/gibbon-command.ts";
import { connectDevice } from "../support/node-device.ts";
import { QuarrellingDevices } from "../support/quarrel.ts";

// What gibbon asks people, tells them, and has them decide.

// Starting a process takes a second where others work, too.
vi.setConfig({ testTimeout: 60_000 });

let house: Constellation;

beforeAll(async () => {
  house = await constellation();
});
afterAll(() => house[Symbol.asyncDispose]());

describe("a conflict", () => {
  it("is listed, explained and settled by flags", async () => {
    await using quarrel = await QuarrellingDevices.meet(house);
    await quarrel.quarrel({ wish: ResolutionStrategy.MANUAL });
    await using ada = await somebody(house, quarrel.household);
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
    expect((await ada.ask<{ entity: EntityAnswer }>("show", "lamp")).data.entity.body).toMatchObject({
      brightness: 70,
    });
    expect((await ada.run(["conflicts", "list"])).stdout).toBe("no conflicts\n");
    expect((await ada.ask("conflicts", "settle", id, "--body", '{"name":"Lamp","brightness":55}')).data).toMatchObject([
      { decision: "edited" },
    ]);
    expect(await ada.ask("conflicts", "explain", "00000000")).toMatchObject({ code: 3 });
  });

  it("is told to whoever sends an edit that meets another one", async () => {
    const villa = await house.newHousehold();
    await using ada = await somebody(house, villa);
    await ada.ask("create", "device", "Lamp", "--set", "brightness=10");
    await using ben = await somebody(house, villa, "member");
    await ben.ask("sync");
    await ada.ask("edit", "lamp", "--set", "brightness=70", "--offline");
    await ben.ask("edit", "lamp", "--set", "brightness=30");
    const { code, notes } = await ada.ask("sync");
    expect([code, notes]).toEqual([0, ["1 edit met a contradicting one: gibbon conflicts list --state all"]]);
  });

  it("is decided as the policies of the household say, which an owner may change", async () => {
    const villa = await house.newHousehold();
    await using ada = await somebody(house, villa);
    await using ben = await somebody(house, villa, "member");
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
});

describe.runIf(process.platform === "linux")("a person at a terminal", () => {
  it("is asked how to settle each conflict, and what was settled stays so when they have had enough", async () => {
    await using quarrel = await QuarrellingDevices.meet(house);
    await quarrel.quarrel({ wish: ResolutionStrategy.MANUAL });
    await quarrel.quarrel({ wish: ResolutionStrategy.MANUAL });
    await using ada = await somebody(house, quarrel.household);
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
    await using ada = await somebody(house, await house.newHousehold());
    await ada.ask("create", "device", "Lamp");
    const removing = ada.startInTerminal(["rm", "lamp"]);
    const screen = watched(removing);
    await screen.shows("Delete device Lamp?");
    removing.stdin?.write("n");
    expect(await once(removing, "exit")).toEqual([130, null]);
    const listing = watched(ada.startInTerminal(["ls"]));
    await listing.shows("\u001b[36mdevice");
    expect((await ada.ask<EntityAnswer[]>("ls")).data).toHaveLength(1);
  });
});

describe("gibbon", () => {
  it("watches what others do until Ctrl-C", async () => {
    const villa = await house.newHousehold();
    await using ada = await somebody(house, villa);
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
    expect((await ada.ask<EntityAnswer[]>("ls")).data.map(({ name }) => name)).toEqual(["Kettle"]);
  });

  it("says what may have been meant, and with which code it ends", async () => {
    await using ada = await somebody(house, await house.newHousehold());
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
    expect((await ada.ask<{ entity: EntityAnswer }>("show", "note:twin")).data.entity.type).toBe("note");
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
    await ada.ask("link", "Desk lamp", "part_of", "device:twin");
    expect(await ada.ask("link", "device:twin", "part_of", "Desk lamp")).toMatchObject({
      code: 4,
      error: { reason: "NOT_TAKEN", message: "the home has not taken it: something would be within itself" },
    });
    expect(await ada.ask("ls", "devices")).toMatchObject({
      code: 2,
      error: { message: "devices is a type, and no place: say gibbon ls --type device" },
    });
    expect(await ada.ask("diff", "whenever")).toMatchObject({ code: 2 });
    expect((await ada.run(["ls", "--help"])).stdout).toContain("Examples:");
  });

  it("measures without changing anything, unless it is asked to", async () => {
    await using ada = await somebody(house, await house.newHousehold());
    const quick = await ada.ask<{ what: string }[]>("bench", "-r", "2");
    expect(quick.data.map(({ what }) => what)).toHaveLength(4);
    const writing = await ada.ask<{ what: string }[]>("bench", "-r", "2", "--write");
    expect(writing.data.at(-1)).toMatchObject({ what: "an edit, until the server has it", runs: 2 });
    expect((await ada.ask("ls")).data).toEqual([]);
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
