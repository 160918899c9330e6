import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, it } from "vitest";
import { homeTools } from "./catalog.ts";

const listing = JSON.stringify({ tools: homeTools.map((tool) => tool.listed) });
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
/** The SDK's type admits an undefined dialect, ajv's does not. */
const plain = (schema: object = {}) => Object.fromEntries(Object.entries(schema));

it("keeps what tools/list costs a model under 8,000 tokens", () => {
  const tokens = Math.ceil(Buffer.byteLength(listing) / 4);
  console.info(`tools/list: ${homeTools.length} tools, about ${tokens} tokens`);
  expect(tokens).toBeLessThan(8_000);
  expect(homeTools.length).toBeLessThanOrEqual(24);
});

it.each(homeTools.map(({ listed }) => listed))("describes $name well enough to be used", (listed) => {
  expect(listed.name).toMatch(/^[a-z_]{3,40}$/);
  expect(listed.title).toBeTruthy();
  expect(listed.description?.length).toBeLessThanOrEqual(300);
  expect(() => ajv.compile(plain(listed.inputSchema))).not.toThrow();
  expect(() => ajv.compile(plain(listed.outputSchema))).not.toThrow();
  expect(listed.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
  expect(listed.outputSchema).toMatchObject({ type: "object" });
});

it.each(homeTools)("tells of $name whether it changes anything", ({ name, access, listed }) => {
  expect(listed.annotations?.readOnlyHint).toBe(access === "read");
  const takesAway = ["delete_entity", "end_relationship", "settle_conflict", "undo"].includes(name);
  expect(listed.annotations?.destructiveHint).toBe(access === "read" ? undefined : takesAway);
});
