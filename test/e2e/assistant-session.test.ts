import { readFileSync } from "node:fs";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { beforeAll, expect, it } from "vitest";
import { connectAssistant } from "../../examples/demo/assistant.ts";
import { playSession, type SessionStep } from "../../examples/demo/assistant-session.ts";
import { loadDemoHome } from "../../examples/demo/load-demo-home.ts";
import { sessionText, toolTable, withSection } from "../support/assistants-page.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";

let system: Constellation;
let household: TestHousehold;
let steps: readonly SessionStep[];

beforeAll(async () => {
  system = await constellation();
  household = await system.newHousehold();
  await loadDemoHome({ url: system.urls.syncCoordinator, token: household.tokens.owner });
  await using assistant = await connectAssistant(system.urls.mcpGateway, household.tokens.member);
  steps = await playSession((tool, args) => assistant.call(tool, args));
  return () => system[Symbol.asyncDispose]();
});

it("answers ten questions of the household", () => {
  expect(steps.map(({ question, reply }) => [question, reply])).toEqual([
    ["What is in the living room?", "Garden blind, Reading lamp, Thermostat"],
    ["What can I set on the reading lamp?", "on, brightness, hue, saturation"],
    ["Which devices run on batteries?", "Bedroom button, Front door lock, Hallway sensor, Leak sensor"],
    ["Where is the leak sensor, and which firmware does it run?", "Bathroom, Maple Street 12; firmware 1.1.0"],
    [
      "Have we another light like the ceiling light?",
      "Desk lamp: same capabilities, category, firmware, manufacturer, model",
    ],
    ["Call the ceiling light “Dining light”, please.", "Done."],
    ["Remember how to reset the thermostat: hold the ring for ten seconds.", "Noted, for everybody in the house."],
    ["How do I reset the thermostat?", "Reset the thermostat: Hold the ring for ten seconds"],
    [
      "What has changed since we began?",
      'updated Dining light ("Ceiling light" → "Dining light"); created Reset the thermostat; ' +
        "created Reset the thermostat procedure_for Thermostat",
    ],
    ["Put the ceiling light's name back.", "Undone: update_entity."],
  ]);
});

it("needs one call for each question, and two to write down something and what it is about", () => {
  expect(steps.map(({ calls }) => calls.length)).toEqual([1, 1, 1, 1, 1, 1, 2, 1, 1, 1]);
});

it("leaves the home as it was, but for what it was asked to remember", async () => {
  const as = { token: household.tokens.owner };
  const { hits } = await system.clients.graph.searchEntities(
    { query: "Ceiling light", types: [EntityType.DEVICE] },
    as,
  );
  expect(hits[0]?.entity).toMatchObject({ name: "Ceiling light", author: "ben" });
  const { calls } = await system.clients.activity.listActivity({ channel: "mcp" }, as);
  expect(calls.map(({ author, origin }) => [author, origin?.clientName, origin?.tool])).toEqual(
    ["undo", "create_relationship", "create_entity", "update_entity"].map((tool) => ["ben", "demo-assistant", tool]),
  );
});

it("stands in docs/assistants.md, with all tools (after a change: npm test -- this file -u)", async () => {
  const page = new URL("../../docs/assistants.md", import.meta.url);
  const written = readFileSync(page, "utf8");
  const told = withSection(withSection(written, "tools", toolTable()), "session", sessionText(steps));
  await expect(told).toMatchFileSnapshot(page.pathname);
});
