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
    ['name,notes\nLamp,"two\nlines"\nFan\n', /^devices\.csv: line 4 is not CSV/],
    ['name\n"Lamp\n', /^devices\.csv: line \d is not CSV/],
  ])("names the line at fault in %j", async (text, message) => {
    const client = await emptyHome();
    expect(() => planFor(client, csvFormat, table(text))).toThrow(message);
  });
});
