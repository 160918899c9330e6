import { describe, expect, it } from "vitest";
import { reportOf } from "../import-plan.ts";
import { emptyHome, planFor, projectFile, runImport } from "../testing/run-import.ts";
import { csvFormat } from "./csv-format.ts";

const table = (text: string) => [{ name: "devices.csv", text }];

async function bodies(text: string) {
  const client = await emptyHome();
  await runImport(client, csvFormat, table(text));
  return client.graph.find({ type: "device" }).map(({ body: { imported: _memory, ...body } }) => body);
}

describe("the CSV importer", () => {
  it("reads a table as people keep it, with their own columns", async () => {
    const client = await emptyHome();
    await runImport(client, csvFormat, [projectFile("libs/importers/fixtures/devices.csv")]);
    const [boiler] = client.graph.find({ type: "device", name: "Boiler" });
    expect(boiler?.body).toMatchObject({
      name: "Boiler",
      manufacturer: "Hearth & Co",
      capabilities: ["target_temperature", "temperature"],
      notes: "Bleed twice a year.\nThe key hangs behind it.",
      bought_in: "2019",
    });
    const [room] = client.graph.neighbours(boiler?.id ?? client.newId(), { types: ["located_in"] });
    expect(room?.entity.name).toBe("Utility room");
    const [floor] = client.graph.neighbours(room?.entity.id ?? client.newId(), { direction: "out" });
    expect([floor?.entity.type, floor?.entity.name]).toEqual(["zone", "Ground floor"]);
  });

  it.each([",", ";", "\t"])("takes %j as separator, a byte order mark, CRLF and blank lines", async (separator) => {
    const lines = [["Name", "Model"], ["Lamp", "L1"], [], ["Fan", "F2"]];
    expect(await bodies(`\uFEFF${lines.map((cells) => cells.join(separator)).join("\r\n")}\r\n`)).toEqual([
      { name: "Fan", model: "F2" },
      { name: "Lamp", model: "L1" },
    ]);
  });

  it("reads what spreadsheets make of a table: columns without anything, blanks in quotes, line ends of any kind", async () => {
    const rows = 'name,room,notes,,\r\n"Lamp ",Study,"one\r\ntwo",,\nFan,"Study ",,,\r\n';
    const client = await emptyHome();
    await runImport(client, csvFormat, table(rows));
    expect(client.graph.rooms().map(({ name }) => name)).toEqual(["Study"]);
    const asUnixHasIt = table('name,room,notes\nLamp,Study,"one\ntwo"\nFan,Study,\n');
    expect(reportOf(await runImport(client, csvFormat, asUnixHasIt))).toMatchObject({
      created: 0,
      updated: 0,
      kept: 0,
    });
  });

  it("takes a room for the same however its accents are written", async () => {
    const client = await emptyHome();
    await runImport(client, csvFormat, table("name,room\nHerd,K\u00fcche\nLampe,Ku\u0308che\n"));
    expect(client.graph.rooms().map(({ name }) => name)).toEqual(["K\u00fcche"]);
  });

  it("keeps rooms apart that are called the same on two floors", async () => {
    const client = await emptyHome();
    const rows = "Heater,Bathroom,Ground floor\nShower,Bathroom,First floor\nDesk lamp,Study,First floor\n";
    await runImport(client, csvFormat, table(`name,room,floor\n${rows}`));
    const rooms = client.graph.rooms().map(({ id, name }) => {
      const [floor] = client.graph.neighbours(id, { types: ["located_in"], direction: "out" });
      return [name, floor?.entity.name, client.graph.devicesIn(id).map((device) => device.name)];
    });
    expect(rooms).toEqual([
      ["Bathroom, First floor", "First floor", ["Shower"]],
      ["Bathroom, Ground floor", "Ground floor", ["Heater"]],
      ["Study", "First floor", ["Desk lamp"]],
    ]);
  });

  it("knows a device by its id, else its serial number, else its name", async () => {
    const client = await emptyHome();
    await runImport(client, csvFormat, table("id,name,serial\n1,Lamp,\n,Fan,F-77\n,Heater,\n"));
    const plan = await runImport(client, csvFormat, table("id,name,serial\n1,Desk lamp,\n,Big fan,F-77\n,Stove,\n"));
    expect(reportOf(plan)).toMatchObject({ updated: 2, created: 2 });
    expect(client.graph.find({ type: "device" }).map(({ name }) => name)).toEqual([
      "Big fan",
      "Desk lamp",
      "Heater",
      "Stove",
    ]);
  });

  it("takes away what a cell no longer says", async () => {
    const client = await emptyHome();
    await runImport(client, csvFormat, table("name,model,notes\nLamp,L1,broken\n"));
    await runImport(client, csvFormat, table("name,model,notes\nLamp,L1,\n"));
    expect(Object.keys(client.graph.find({ type: "device" })[0]?.body ?? {}).sort()).toEqual([
      "imported",
      "model",
      "name",
    ]);
  });

  it.each([
    ["", "devices.csv is empty"],
    ["model\nL1\n", "devices.csv: line 1 has no column name"],
    ["name,,model\n", "devices.csv: line 1 has no name for column 2"],
    ["name,brand,make\n", "devices.csv: line 1 has the column manufacturer twice"],
    ["name,imported\n", "devices.csv: line 1 has the column imported, which is reserved"],
    ["name,model\nLamp,L1\n,L2\n", "devices.csv: line 3 has no name"],
    [
      "name,model\nLamp,L1\n\nLamp,L2\n",
      "devices.csv: line 4 repeats the name of line 2, Lamp; a column id tells them apart",
    ],
    [
      "name,home\nLamp,\nFan,Villa\nHeater,Cabin\n",
      "devices.csv: line 4 names the home Cabin, and line 3 Villa: a household has one",
    ],
    ['name,notes\nLamp,"two\nlines"\nFan\n', /^devices\.csv: line 4 is not CSV/],
    ['name,notes\r\nLamp,"two\r\nlines"\r\n,x\r\n', "devices.csv: line 4 has no name"],
    ['name\n"Lamp\n', /^devices\.csv: line \d is not CSV/],
  ])("names the line at fault in %j", async (text, message) => {
    const client = await emptyHome();
    expect(() => planFor(client, csvFormat, table(text))).toThrow(message);
  });
});
