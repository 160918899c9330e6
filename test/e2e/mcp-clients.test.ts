import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { homeTools } from "@funkygibbon/mcp-gateway/handlers/tools/catalog";
import { connectMcp, REVISIONS, type Revision } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { groundForEveryTool, type ToolGround } from "../support/every-tool.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";

// Clients that others have written list and call every tool, over HTTP and over stdio.

const NAMES = homeTools.map(({ name }) => name);

let house: Constellation;
let ground: ToolGround;
let url: URL;
let folder: string;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  house = opened.use(await constellation({ environment: { MCP_USER_REQUESTS_PER_SECOND: "10000" } }));
  ground = opened.use(await groundForEveryTool(house));
  url = new URL("/mcp", house.urls.mcpGateway);
  folder = mkdtempSync(join(tmpdir(), "mcp-clients-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
});
afterAll(() => opened.disposeAsync());

const overHttp = (revision: Revision) => connectMcp(url, ground.household.tokens.member, revision);

async function overStdio(revision: Revision): Promise<Client> {
  const client = new Client(
    { name: "Desktop Assistant", version: "1" },
    { versionNegotiation: { mode: revision === "2026-07-28" ? { pin: revision } : "legacy" } },
  );
  const env = {
    PATH: process.env.PATH ?? "",
    FUNKYGIBBON_MCP_URL: url.href,
    FUNKYGIBBON_TOKEN: ground.household.tokens.member,
  };
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: ["deploy/local/mcp.ts"], cwd: REPOSITORY, env }),
  );
  return client;
}

describe.each([
  ["HTTP", overHttp],
  ["stdio", overStdio],
])("the official client over %s", (_transport, connect) => {
  it.each(REVISIONS)("lists and calls every tool in %s, and finds their answers as announced", async (revision) => {
    const client = await connect(revision);
    expect(client.getNegotiatedProtocolVersion()).toBe(revision);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(NAMES);
    for (const name of NAMES) {
      const result = await client.callTool({ name, arguments: ground.calls[name] ?? {} });
      expect(result, name).not.toMatchObject({ isError: true });
    }
    await client.close();
  });
});

/** One run of the inspector, which is one request. */
function inspect(target: readonly string[], method: string, more: readonly string[] = []) {
  const program = join(REPOSITORY, "node_modules/.bin/mcp-inspector");
  const environment = {
    HOME: folder,
    FUNKYGIBBON_MCP_URL: url.href,
    FUNKYGIBBON_TOKEN: ground.household.tokens.member,
  };
  return runTool(process.execPath, [program, "--cli", ...target, "--method", method, ...more], environment);
}

const inspectorTargets = {
  HTTP: () => [url.href, "--header", `Authorization: Bearer ${ground.household.tokens.member}`],
  stdio: () => {
    const settings = { FUNKYGIBBON_MCP_URL: url.href, FUNKYGIBBON_TOKEN: ground.household.tokens.member };
    const environment = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    return [process.execPath, join(REPOSITORY, "deploy/local/mcp.ts"), ...environment];
  },
} as const;

/** A call is a process of more than a second: each transport calls every other tool, and all of them in a soak. */
const SHARE = { HTTP: 0, stdio: 1 } as const;
const toolsFor = (transport: keyof typeof SHARE) =>
  process.env.SOAK === undefined ? NAMES.filter((_, index) => index % 2 === SHARE[transport]) : [...NAMES];

describe.each(["HTTP", "stdio"] as const)("the inspector over %s", (transport) => {
  it("lists every tool and finds no fault with it, and calls its share of them", { timeout: 120_000 }, async () => {
    const target = inspectorTargets[transport]();
    const listed = await inspect(target, "tools/list", ["--strict"]);
    expect(listed.code, listed.stderr).toBe(0);
    expect(JSON.parse(listed.stdout).tools.map(({ name }: { name: string }) => name)).toEqual(NAMES);
    const waiting = toolsFor(transport);
    const callNext = async (): Promise<void> => {
      const name = waiting.shift();
      if (name === undefined) return;
      const args = ["--tool-name", name, "--tool-args-json", JSON.stringify(ground.calls[name])];
      const { code, stdout, stderr } = await inspect(target, "tools/call", args);
      expect({ name, code, stderr }).toMatchObject({ name, code: 0 });
      expect(JSON.parse(stdout), name).not.toMatchObject({ isError: true });
      return callNext();
    };
    await Promise.all([callNext(), callNext()]);
  });
});
