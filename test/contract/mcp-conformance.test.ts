import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homePrompts } from "@funkygibbon/mcp-gateway/handlers/prompts/catalog";
import { homeResources } from "@funkygibbon/mcp-gateway/handlers/resources/home-resources";
import { homeTools } from "@funkygibbon/mcp-gateway/handlers/tools/catalog";
import { type EndpointUnderTest, REVISIONS, startEndpoint } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { fixturePrompts } from "../support/conformance/fixture-prompts.ts";
import { withFixtureResources } from "../support/conformance/fixture-resources.ts";
import { fixtureTools } from "../support/conformance/fixture-tools.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";

// The official conformance suite against our own stack: HTTP front with its Host and Origin checks, bearer gate, both
// revisions' transports, server factory. The tools, resources and prompts that the suite names stand beside the home's.

const SUITE = join(REPOSITORY, "node_modules/@modelcontextprotocol/conformance");

let endpoint: EndpointUnderTest;
let results: string;

beforeAll(async () => {
  results = mkdtempSync(join(tmpdir(), "mcp-conformance-"));
  endpoint = await startEndpoint({
    features: {
      tools: [...homeTools, ...fixtureTools],
      resources: withFixtureResources(homeResources),
      prompts: [...homePrompts, ...fixturePrompts],
    },
    // A home logs nothing to its clients; the suite wants to see that it could.
    prepare: ({ server }) => server.registerCapabilities({ logging: {} }),
    // The suite brings no token.
    presumedToken: "owner",
  });
  endpoint.home.add("room", "Kitchen");
});
afterAll(async () => {
  await endpoint[Symbol.asyncDispose]();
  rmSync(results, { recursive: true });
});

it.each(REVISIONS)("passes every scenario that %s requires of a server", { timeout: 60_000 }, async (revision) => {
  const { code, stdout, stderr } = await runTool(process.execPath, [
    join(SUITE, "dist/index.js"),
    ...["server", "--url", endpoint.url.href, "--requirements", revision, "--output-dir", results],
  ]);
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  const required: string[] = parse(readFileSync(join(SUITE, `requirements/${revision}.yaml`), "utf8")).server;
  const passed = [...stdout.matchAll(/^✓ ([\w-]+): [1-9]\d* passed, 0 failed$/gm)].map(([, scenario]) => scenario);
  expect(passed).toEqual(expect.arrayContaining(required));
});
