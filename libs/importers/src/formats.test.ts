import type { Client } from "@funkygibbon/client/client";
import { ModelServer } from "@funkygibbon/client/testing/model-server";
import { clientOf, within } from "@funkygibbon/client/testing/scenario";
import { describe, expect, it } from "vitest";
import { formatNamed, formatOf, IMPORT_FORMATS } from "./formats.ts";
import { reportOf } from "./import-plan.ts";
import { FIXTURES } from "./testing/fixtures.ts";
import { emptyHome, planFor, runImport } from "./testing/run-import.ts";

describe.each(FIXTURES)("the $format importer", ({ format, files, entities, relationships }) => {
  it("brings in its fixture", async () => {
    const client = await emptyHome();
    await runImport(client, formatNamed(format), files);
    expect(countsOf(client)).toEqual(entities);
    expect(client.graph.relationships()).toHaveLength(relationships);
  });

  it("is known by its files", () => {
    expect(formatOf(files).name).toBe(format);
    expect(formatOf(files.toReversed()).name).toBe(format);
  });

  it("is called the same in any order of its files", () => {
    const { sourceName } = formatNamed(format);
    expect(sourceName(files.toReversed())).toBe(sourceName(files));
    expect(sourceName(files)).not.toMatch(/^$|rooms/);
  });

  it("changes nothing when it runs again, in any order of the files", async () => {
    const client = await emptyHome();
    const first = reportOf(await runImport(client, formatNamed(format), files));
    const edits = client.state.pendingEdits;
    const again = reportOf(await runImport(client, formatNamed(format), files.toReversed()));
    expect(again).toEqual({
      created: 0,
      restored: 0,
      updated: 0,
      unchanged: first.created,
      kept: 0,
      skipped: first.skipped,
    });
    expect(client.state.pendingEdits).toBe(edits);
  });

  it("brings back an import that was undone, when it is asked to", async () => {
    const client = await clientOf(new ModelServer(), { deviceId: "ada" });
    client.connect();
    const { created } = reportOf(await runImport(client, formatNamed(format), files));
    const before = saidBy(client);
    await client.settled(within());
    await client.undo();
    await client.settled(within());
    const again = await runImport(client, formatNamed(format), files);
    expect(again.steps.map(({ action }) => action)).toEqual(
      again.steps.map(() => expect.objectContaining({ kind: "skipped", isDeleted: true })),
    );
    expect(countsOf(client)).toEqual({});
    const back = await runImport(client, formatNamed(format), files, { restoreDeleted: true });
    expect(reportOf(back)).toMatchObject({ created: 0, restored: created, skipped: 0 });
    expect(saidBy(client)).toEqual(before);
    await client.settled(within());
    expect(saidBy(client)).toEqual(before);
    expect(client.deadLetters()).toEqual([]);
    expect(reportOf(await runImport(client, formatNamed(format), files))).toMatchObject({ unchanged: created });
    await client[Symbol.asyncDispose]();
  });

  it("brings back one thing with what it is connected to, before anybody has heard that it was deleted", async () => {
    const client = await emptyHome();
    await runImport(client, formatNamed(format), files);
    const before = saidBy(client);
    const [device] = client.graph.find({ type: "device" });
    await client.remove(device?.id ?? "");
    const back = await runImport(client, formatNamed(format), files, { restoreDeleted: true });
    expect(reportOf(back)).toMatchObject({ created: 0, restored: 1, updated: 0, skipped: 0 });
    expect(saidBy(client)).toEqual(before);
  });

  it("keeps what a person has renamed, and says so", async () => {
    const client = await emptyHome();
    await runImport(client, formatNamed(format), files);
    const [device] = client.graph.find({ type: "device" });
    await client.update(device?.id ?? "", { name: "Ours" });
    const plan = await runImport(client, formatNamed(format), files);
    const kept = plan.steps.filter(({ action }) => action.kind === "kept");
    expect(kept.map(({ record, action }) => [record.id, action])).toEqual([
      [device?.id, { kind: "kept", keys: ["name"] }],
    ]);
    expect(client.graph.entity(device?.id ?? client.newId())?.name).toBe("Ours");
  });

  it("names a file that is cut off, and imports nothing", async () => {
    const client = await emptyHome();
    const [file, ...others] = files.filter(({ name }) => !name.includes("rooms"));
    const cut = { name: file?.name ?? "", text: file?.text.slice(0, -40) ?? "" };
    const broken = format === "csv" ? { ...cut, text: `${cut.text}\n"` } : cut;
    expect(() => planFor(client, formatNamed(format), [broken, ...others])).toThrow(
      expect.objectContaining({ kind: "invalid", message: expect.stringMatching(new RegExp(`^${file?.name}`)) }),
    );
  });
});

describe("the formats", () => {
  it("have one name each", () => {
    expect(new Set(IMPORT_FORMATS.map(({ name }) => name)).size).toBe(IMPORT_FORMATS.length);
    expect(IMPORT_FORMATS.map(({ name }) => name)).toEqual(FIXTURES.map(({ format }) => format));
  });

  it("are named when nothing is recognised", () => {
    expect(() => formatOf([{ name: "notes.txt", text: "hello" }])).toThrow(
      /notes\.txt: looks like none of the formats homekit, .*, ndjson; name the one/,
    );
    expect(() => formatNamed("zigbee")).toThrow(/must be one of homekit, home-assistant, matter, csv, ndjson/);
  });
});

function countsOf({ graph }: Client): Record<string, number> {
  const byType = Map.groupBy(graph.find(), ({ type }) => type);
  return Object.fromEntries([...byType].map(([type, found]) => [type, found.length]).sort());
}

/** What a graph says, by id. */
function saidBy({ graph }: Client) {
  const entities = graph.find().map(({ id, type, body, source }) => [id, { type, body, source }]);
  const edges = graph
    .relationships()
    .map(({ id, type, from, to, properties, source }) => [id, { type, from, to, properties, source }]);
  return Object.fromEntries([...entities, ...edges]);
}
