import { nodeSha256 } from "@funkygibbon/client/node-hashes";
import { describe, expect, it } from "vitest";
import { reportOf } from "../import-plan.ts";
import { emptyHome, household, planFor, projectFile, runImport } from "../testing/run-import.ts";
import { ndjsonFormat } from "./ndjson-format.ts";
import { writeHousehold } from "./write-household.ts";

const file = projectFile("libs/importers/fixtures/household.ndjson");
const [head = "", room = "", ...rest] = file.text.trimEnd().split("\n").toSpliced(1, 1);
const withLines = (...lines: string[]) => ({ name: "home.ndjson", text: `${lines.join("\n")}\n` });

describe("the NDJSON importer", () => {
  it("brings what counts under its own id and source, and nothing that was deleted", async () => {
    const client = await emptyHome();
    await runImport(client, ndjsonFormat, [file]);
    const [lathe] = client.graph.find({ type: "device" });
    expect(lathe).toMatchObject({
      id: "0193a5c4-7000-7000-8000-000000000004",
      body: { name: "Old lathe", manufacturer: "Voltaro", notes: "Needs a belt" },
      source: "manual",
    });
    expect(client.graph.find({ type: "note" })).toEqual([]);
  });

  it("brings up to date what still says what the file's household said earlier, and nothing else", async () => {
    const client = await emptyHome();
    const id = "0193a5c4-7000-7000-8000-000000000004";
    await client.create({ id, type: "device", body: { name: "Lathe", manufacturer: "Voltaro" } });
    expect(reportOf(await runImport(client, ndjsonFormat, [file]))).toMatchObject({ created: 4, updated: 1, kept: 0 });
    await client.update(id, { name: "Ours" });
    const plan = await runImport(client, ndjsonFormat, [file]);
    expect(reportOf(plan)).toMatchObject({ created: 0, updated: 0, kept: 1 });
  });

  it("reads what the exporter writes, to the same text again", async () => {
    const first = await emptyHome();
    await runImport(first, ndjsonFormat, [file]);
    const text = [...writeHousehold({ graph: first.graph, household, sha256: nodeSha256 })].join("");
    const second = await emptyHome();
    await runImport(second, ndjsonFormat, [{ name: "again.ndjson", text }]);
    const versionless = (graph: typeof first.graph) =>
      [...writeHousehold({ graph, household, sha256: nodeSha256 })].map((line) =>
        line.replace(/"version":"[^"]*",/, ""),
      );
    expect(versionless(second.graph)).toEqual(versionless(first.graph));
    expect(second.graph.find()).toHaveLength(3);
  });

  it.each([
    ["what is not JSON", [head, "{"], "line 2 is not JSON"],
    ["a file that does not begin with its household", [room, ...rest], "line 1 must be the household"],
    ["another format", [head.replace('"format":1', '"format":2'), ...rest], "line 1 must have the format 1"],
    ["a file that is cut off", [head, room], "line 2 must be the end line"],
    ["a line that was lost", [head, ...rest], "does not count the"],
    [
      "an unknown type",
      [head, room.replace('"type":"room"', '"type":"cave"'), end(2)],
      "line 2.content.type must be one of",
    ],
    ["a bad id", [head, room.replace(/"id":"[^"]*"/, '"id":"7"'), end(2)], "line 2.id must be a UUID"],
    ["a record that is told twice", [head, room, room, end(3)], "line 3.id repeats 0193a5c4-"],
    ["a body that is none", [head, room.replace(/"body":"[^}]*}"/, '"body":"[]"'), end(2)], "line 2.body is no body"],
  ])("names the line in %s", async (_fault, lines, message) => {
    const client = await emptyHome();
    expect(() => planFor(client, ndjsonFormat, [withLines(...lines)])).toThrow(message);
  });
});

function end(lines: number): string {
  return JSON.stringify({ line: "end", lines });
}
