import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type EndpointUnderTest, REVISIONS, startEndpoint } from "../../testing/endpoint-under-test.ts";

let endpoint: EndpointUnderTest;
beforeAll(async () => {
  endpoint = await startEndpoint({ readOnly: true });
});
afterAll(() => endpoint[Symbol.asyncDispose]());
beforeEach(() => endpoint.home.clear());

describe.each(REVISIONS)("prompts in %s", (revision) => {
  let client: Client;
  beforeEach(async () => {
    client = await endpoint.connect("guest", revision);
    return () => client.close();
  });

  /** What the conversation holds of the home, and what the user says. */
  async function begin(name: string, args: Record<string, string> = {}) {
    const { messages } = await client.getPrompt({ name, arguments: args });
    const given = messages.flatMap(({ content }) =>
      content.type === "resource" && "text" in content.resource ? [content.resource] : [],
    );
    const asked = messages.flatMap(({ content }) => (content.type === "text" ? [content.text] : [])).join("\n");
    return { given, asked };
  }

  it("are listed with what they want to know", async () => {
    const { prompts } = await client.listPrompts();
    const wants = prompts.map(({ name, arguments: args = [] }) => [name, ...args.map((arg) => arg.name)]);
    expect(wants).toEqual([
      ["tour_of_the_home", "room"],
      ["weekly_maintenance"],
      ["find_the_manual", "device"],
      ["explain_a_conflict", "conflict"],
    ]);
  });

  it("tour the home, or one room, from what is there", async () => {
    const kitchen = endpoint.home.add("room", "Kitchen");
    const whole = await begin("tour_of_the_home");
    expect(whole.given).toMatchObject([{ uri: "funkygibbon://home", text: expect.stringContaining("Kitchen") }]);
    const one = await begin("tour_of_the_home", { room: "kitchen" });
    expect(one.given).toMatchObject([{ uri: `funkygibbon://room/${kitchen.id}` }]);
    expect(one.asked).toContain("Kitchen");
  });

  it("plan the week from procedures, conflicts and replicas", async () => {
    endpoint.home.add("procedure", "Descale the kettle", { every: "3 months" });
    endpoint.home.knownDevices.push({
      deviceId: "wall-panel",
      connected: false,
      behind: 7,
      lastSeen: "2026-11-01T00:00:00Z",
      platform: "",
    });
    const { given } = await begin("weekly_maintenance");
    const facts = JSON.parse(given.at(-1)?.text ?? "{}");
    expect(facts).toMatchObject({
      procedures_and_schedules: [{ name: "Descale the kettle", content: { every: "3 months" } }],
      open_conflicts: [],
      replicas: [{ deviceId: "wall-panel", behind: 7 }],
    });
  });

  it("say of a device without a manual where else to look", async () => {
    const kettle = endpoint.home.add("device", "Kettle");
    const { given, asked } = await begin("find_the_manual", { device: kettle.id });
    expect(given).toMatchObject([{ uri: `funkygibbon://entity/${kettle.id}` }]);
    expect(asked).toContain("knows no manual of Kettle");
  });

  it("tell a person what is missing or unknown in words", async () => {
    endpoint.home.add("device", "Kettle");
    await expect(client.getPrompt({ name: "find_the_manual" })).rejects.toThrow(/argument device is required/);
    const unknown = client.getPrompt({ name: "find_the_manual", arguments: { device: "Kettel" } });
    await expect(unknown).rejects.toMatchObject({ code: -32_602, message: expect.stringContaining("Kettle") });
    await expect(client.getPrompt({ name: "explain_a_conflict" })).rejects.toThrow(/There is no open conflict/);
    await expect(client.getPrompt({ name: "make_coffee" })).rejects.toMatchObject({ code: -32_602 });
  });

  it("complete the names of what may be meant", async () => {
    for (const name of ["Kitchen", "Kids' room", "Bathroom"]) endpoint.home.add("room", name);
    const ref = { type: "ref/prompt", name: "tour_of_the_home" } as const;
    const { completion } = await client.complete({ ref, argument: { name: "room", value: "ki" } });
    expect(completion).toEqual({ values: ["Kids' room", "Kitchen"], hasMore: false });
  });
});
