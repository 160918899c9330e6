import { randomUUID } from "node:crypto";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type EndpointUnderTest, REVISIONS, startEndpoint } from "../../testing/endpoint-under-test.ts";

let endpoint: EndpointUnderTest;
beforeAll(async () => {
  endpoint = await startEndpoint();
});
afterAll(() => endpoint[Symbol.asyncDispose]());
beforeEach(() => endpoint.home.clear());

function furnish() {
  const { home } = endpoint;
  const villa = home.add("home", "Villa");
  const kitchen = home.add("room", "Kitchen");
  const lamp = home.add("device", "Lamp [old]", { manufacturer: "Lumen Works" });
  const manual = home.add("manual", "Lamp manual", { pages: 2, text: "Hold the button.\nIt blinks." });
  home.place(kitchen, villa);
  home.place(lamp, kitchen);
  return { villa, kitchen, lamp, manual };
}

async function text(client: Client, uri: string): Promise<string> {
  const { contents } = await client.readResource({ uri });
  const [first] = contents;
  expect(contents).toHaveLength(1);
  return first !== undefined && "text" in first ? first.text : "";
}

describe.each(REVISIONS)("resources in %s", (revision) => {
  let client: Client;
  beforeEach(async () => {
    client = await endpoint.connect("guest", revision);
    return () => client.close();
  });

  it("show the home as a page of rooms and devices that lead on", async () => {
    const { kitchen, lamp } = furnish();
    expect(await text(client, "funkygibbon://home")).toBe(
      [
        "# Villa",
        "1 home, 1 room, 1 device, 1 manual",
        `## [Kitchen](funkygibbon://room/${kitchen.id})\n- [Lamp \\[old\\]](funkygibbon://entity/${lamp.id})`,
      ].join("\n\n"),
    );
  });

  it("show an entity as it is now, with what it is related to", async () => {
    const { kitchen, lamp } = furnish();
    const uri = `funkygibbon://entity/${lamp.id}`;
    const room = { id: kitchen.id, type: "room", name: "Kitchen", uri: `funkygibbon://room/${kitchen.id}` };
    expect(JSON.parse(await text(client, uri))).toMatchObject({
      id: lamp.id,
      content: { manufacturer: "Lumen Works" },
      relationships: [{ relation: "located_in", entity: room }],
      more_relationships: false,
    });
    endpoint.home.entities.delete(lamp.id);
    await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32_602, data: { uri } });
  });

  it("show a room with its devices, and a manual as its text", async () => {
    const { kitchen, lamp, manual } = furnish();
    const room = JSON.parse(await text(client, `funkygibbon://room/${kitchen.id}`));
    expect(room).toMatchObject({ name: "Kitchen", devices: [{ id: lamp.id }], device_count: 1 });
    expect(await text(client, `funkygibbon://manual/${manual.id}`)).toBe(
      "# Lamp manual\n\n- pages: 2\n\n## text\nHold the button.\nIt blinks.",
    );
  });

  it.each([
    ["an id that nobody has", () => `funkygibbon://entity/${randomUUID()}`],
    ["an entity that is no room", () => `funkygibbon://room/${furnish().lamp.id}`],
    ["a word for an id", () => "funkygibbon://entity/kitchen"],
    ["an address of another kind", () => "https://example.org/home"],
    ["an address that goes on", () => "funkygibbon://home/x"],
  ])("do not have %s", async (_case, address) => {
    const uri = address();
    await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32_602, data: { uri } });
  });

  it("are listed page by page, the home first, each readable at its address", async () => {
    for (let number = 0; number < 150; number++) endpoint.home.add("note", `Note ${String(number).padStart(3, "0")}`);
    const { kitchen, manual } = furnish();
    const first = await client.request({ method: "resources/list" });
    expect(first.resources).toHaveLength(101);
    expect(first.resources[0]).toMatchObject({ uri: "funkygibbon://home", mimeType: "text/markdown" });
    const second = await client.request({ method: "resources/list", params: { cursor: first.nextCursor ?? "" } });
    expect(second.nextCursor).toBeUndefined();
    const uris = [...first.resources, ...second.resources].map(({ uri }) => uri);
    expect(new Set(uris).size).toBe(155);
    expect(uris).toContain(`funkygibbon://room/${kitchen.id}`);
    expect(uris).toContain(`funkygibbon://manual/${manual.id}`);
  });

  it("complete an id from the name that a person types, and from its own beginning", async () => {
    const { kitchen, lamp } = furnish();
    const complete = async (kind: string, value: string) => {
      const ref = { type: "ref/resource", uri: `funkygibbon://${kind}/{id}` } as const;
      return (await client.complete({ ref, argument: { name: "id", value } })).completion.values;
    };
    expect(await complete("room", "kit")).toEqual([kitchen.id]);
    expect(await complete("entity", "lamp [old")).toEqual([lamp.id]);
    expect(await complete("entity", lamp.id.slice(0, 13).toUpperCase())).toEqual([lamp.id]);
    expect(await complete("manual", "kitchen")).toEqual([]);
  });
});

it("say in words that the graph is away", async () => {
  const client = await endpoint.connect("guest");
  endpoint.home.failure = new Error("a secret of ours");
  await expect(client.readResource({ uri: "funkygibbon://home" })).rejects.toMatchObject({
    code: -32_603,
    message: expect.stringMatching(/^Something went wrong on our side; our logs know it as call [0-9a-f-]{36}/),
  });
});
