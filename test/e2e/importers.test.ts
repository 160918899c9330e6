import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@funkygibbon/client/client";
import { nodeSha1, nodeSha256 } from "@funkygibbon/client/node-hashes";
import { formatNamed } from "@funkygibbon/importers/formats";
import type { SourceFile } from "@funkygibbon/importers/import-format";
import { type ImportReport, importInto, reportOf } from "@funkygibbon/importers/import-plan";
import { writeHousehold } from "@funkygibbon/importers/ndjson/write-household";
import { FIXTURES } from "@funkygibbon/importers/testing/fixtures";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { connectDevice, untilEqual, within } from "../support/node-device.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";

// Every importer over the real services: twice from one device, and once more from another.

let house: Constellation;

beforeAll(async () => {
  house = await constellation();
});
afterAll(() => house[Symbol.asyncDispose]());

describe.each(FIXTURES)("the $format importer over the services", ({ format, files }) => {
  it("changes nothing the second time, nor from another device", async () => {
    const villa = await house.newHousehold();
    await using phone = await deviceOf(villa, "ada-phone");
    const first = await bringIn(phone, format, files);
    await phone.settled(within());
    expect(first.created).toBe(phone.graph.find().length + phone.graph.relationships().length);
    expect(phone.deadLetters()).toEqual([]);
    const seq = phone.state.headSeq;

    await using panel = await deviceOf(villa, "wall-panel");
    await untilEqual(phone, panel);
    expect(panel.digest).toBe(phone.digest);
    for (const device of [phone, panel]) {
      const again = await bringIn(device, format, files);
      expect(again).toEqual({ ...first, created: 0, updated: 0, unchanged: first.created });
    }
    await untilEqual(phone, panel);
    expect(panel.state.headSeq).toBe(seq);
  });

  it("comes back after it was undone, from a device that has heard of that", async () => {
    const villa = await house.newHousehold();
    await using phone = await deviceOf(villa, "ada-phone");
    const { created } = await bringIn(phone, format, files);
    await phone.settled(within());
    await phone.undo();
    await phone.settled(within());
    await using panel = await deviceOf(villa, "wall-panel");
    await untilEqual(phone, panel);
    // It came too late to hear of the deletes, which win.
    expect(await bringIn(panel, format, files, { restoreDeleted: true })).toMatchObject({ created, restored: 0 });
    await panel.settled(within());
    expect(panel.graph.find()).toEqual([]);
    expect(await bringIn(phone, format, files, { restoreDeleted: true })).toMatchObject({
      created: 0,
      restored: created,
    });
    await untilEqual(phone, panel);
    expect(panel.graph.find().length + panel.graph.relationships().length).toBe(created);
    for (const device of [phone, panel]) {
      expect(device.deadLetters()).toEqual([]);
      expect(await bringIn(device, format, files)).toMatchObject({ unchanged: created, skipped: 0 });
    }
  });

  it("makes one home of it when two devices import it while apart", async () => {
    const villa = await house.newHousehold();
    await using phone = await deviceOf(villa, "ada-phone");
    await using panel = await deviceOf(villa, "wall-panel");
    await untilEqual(phone, panel);
    await Promise.all([phone.disconnect(), panel.disconnect()]);
    const first = await bringIn(phone, format, files);
    expect(await bringIn(panel, format, files)).toEqual(first);
    for (const device of [phone, panel]) device.connect();
    await untilEqual(phone, panel);
    expect(panel.digest).toBe(phone.digest);
    expect([...phone.conflicts, ...panel.conflicts]).toEqual([]);
  });
});

describe("a household as a file", () => {
  it("goes from one household to another, whole with its history by entity-store export", async () => {
    const [villa, cabin] = await Promise.all([house.newHousehold(), house.newHousehold()]);
    await using phone = await deviceOf(villa, "ada-phone");
    await bringIn(phone, "homekit", FIXTURES[0]?.files ?? []);
    const [lamp] = phone.graph.find({ type: "device", name: "Desk lamp" });
    await phone.settled(within());
    const before = await exported(villa.id);

    await using tablet = await deviceOf(cabin, "cabin-tablet");
    await bringIn(tablet, "ndjson", [before]);
    await tablet.settled(within());
    expect(saidIn(tablet)).toEqual(saidIn(phone));

    await phone.update(lamp?.id ?? "", { name: "Study lamp" });
    await phone.settled(within());
    const after = await exported(villa.id);
    expect(await bringIn(tablet, "ndjson", [after])).toMatchObject({ created: 0, updated: 1, kept: 0 });
    expect(saidIn(tablet)).toEqual(saidIn(phone));
    await tablet.update(lamp?.id ?? "", { name: "Cabin lamp" });
    expect(await bringIn(tablet, "ndjson", [after])).toMatchObject({ created: 0, updated: 0, kept: 1 });
  });
});

async function deviceOf(villa: TestHousehold, deviceId: string): Promise<Client> {
  const client = await connectDevice(house, { deviceId, token: villa.tokens.owner });
  await client.settled(within());
  return client;
}

async function bringIn(
  client: Client,
  format: string,
  files: readonly SourceFile[],
  { restoreDeleted = false } = {},
): Promise<ImportReport> {
  const { household } = client.state;
  if (household === undefined) throw new Error("not in contact yet");
  const importer = formatNamed(format);
  const scope = { household, sourceName: importer.sourceName(files), sha1: nodeSha1 };
  return reportOf(await importInto(client, { format: importer, files, scope, restoreDeleted }));
}

/** What `entity-store export` writes of a household. */
async function exported(household: string): Promise<SourceFile> {
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-export-"));
  const out = join(folder, "household.ndjson");
  const main = join(REPOSITORY, "services/entity-store/src/main.ts");
  try {
    const command = [main, "export", "--household", household, "--out", out];
    const { code, stderr } = await runTool(process.execPath, command, house.ground.environment("entity-store", 0, {}));
    expect([code, stderr]).toEqual([0, expect.anything()]);
    return { name: "household.ndjson", text: readFileSync(out, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every record without its version, as our own exporter writes it. */
function saidIn({ graph, state }: Client): string[] {
  if (state.household === undefined) throw new Error("not in contact yet");
  const lines = [...writeHousehold({ graph, household: state.household, sha256: nodeSha256 })];
  return lines.slice(1).map((line) => line.replace(/"version":"[^"]*",/, ""));
}
