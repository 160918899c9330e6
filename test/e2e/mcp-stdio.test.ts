import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REVISIONS, type Revision } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";

// What `npm run mcp` runs, as a desktop assistant starts it: a process of its own, spoken to over stdin and stdout.

const PROGRAM = "deploy/local/mcp.ts";

let house: Constellation;
let folder: string;
let url: string;
beforeAll(async () => {
  house = await constellation();
  url = new URL("/mcp", house.urls.mcpGateway).href;
  folder = mkdtempSync(join(tmpdir(), "mcp-stdio-"));
});
afterAll(async () => {
  await house[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

type Settings = Readonly<Record<string, string>>;

/** The official client with a bridge of its own, whose user agrees to everything. */
async function assistant(settings: Settings, revision: Revision) {
  const client = new Client(
    { name: "Desktop Assistant", version: "1" },
    {
      capabilities: { elicitation: { form: {} } },
      versionNegotiation: { mode: revision === "2026-07-28" ? { pin: revision } : "legacy" },
    },
  );
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: {} }));
  const errors: Error[] = [];
  client.onerror = (error) => void errors.push(error);
  const env = { PATH: process.env.PATH ?? "", FUNKYGIBBON_MCP_URL: url, ...settings };
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ["deploy/local/bootstrap.mjs", PROGRAM],
    cwd: REPOSITORY,
    env,
    stderr: "pipe",
  });
  let told = "";
  transport.stderr?.on("data", (chunk) => {
    told += chunk;
  });
  await client.connect(transport);
  return { client, errors, told: () => told };
}

/** Runs it without an assistant. */
function bare(settings: Settings, ...args: string[]) {
  return runTool(process.execPath, [PROGRAM, ...args], {
    FUNKYGIBBON_MCP_URL: undefined,
    FUNKYGIBBON_TOKEN: undefined,
    ...settings,
  });
}

describe.each(REVISIONS)("an assistant over stdio in %s", (revision) => {
  it("reads, changes after asking, hears of changes, and leaves nothing on stdout but the protocol", async () => {
    const { client, errors, told } = await assistant({ FUNKYGIBBON_TOKEN: house.tokens.member }, revision);
    expect(client.getNegotiatedProtocolVersion()).toBe(revision);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("delete_entity");
    const created = await client.callTool({ name: "create_entity", arguments: { type: "note", name: "Milk" } });
    const { entity } = created.structuredContent as { entity: { id: string } };
    const uri = `funkygibbon://entity/${entity.id}`;
    const heard: string[] = [];
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri));
    if (revision === "2026-07-28") await client.listen({ resourceSubscriptions: [uri] });
    else await client.subscribeResource({ uri });
    let pints = 0;
    await expect
      .poll(
        async () => {
          const args = { entity_id: entity.id, content: { pints: pints++ } };
          await client.callTool({ name: "update_entity", arguments: args });
          return heard.length;
        },
        { interval: 100 },
      )
      .toBeGreaterThan(0);
    const deleted = await client.callTool({ name: "delete_entity", arguments: { entity_id: entity.id } });
    expect(deleted.structuredContent).toMatchObject({ dry_run: false });
    await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32_602 });
    expect(errors).toEqual([]);
    await client.close();
    expect(told()).toBe("");
  });
});

describe("the token", () => {
  it("is read again from its file, so that it may be renewed, and its end is told in a sentence", async () => {
    const file = join(folder, "token");
    writeFileSync(file, house.tokens.member);
    const { client, told } = await assistant({ FUNKYGIBBON_TOKEN_FILE: file }, "2026-07-28");
    await client.listTools();
    writeFileSync(file, "an.old.token");
    await expect(client.callTool({ name: "list_conflicts", arguments: {} })).rejects.toThrow(/The token was refused/);
    await expect.poll(told).toBe("The token was refused: it has expired, or it is not for this home.\n");
    writeFileSync(file, `${house.tokens.guest}\n`);
    const refused = await client.callTool({ name: "sync_now", arguments: {} });
    expect(refused).toMatchObject({ isError: true, _meta: { "funkygibbon.dev/error": { reason: "READ_ONLY" } } });
    await client.close();
  });

  it("comes with the address from the endpoints file of a local system", async () => {
    const file = join(folder, "endpoints.json");
    writeFileSync(file, JSON.stringify({ mcpGateway: house.urls.mcpGateway, tokens: { member: house.tokens.member } }));
    const { client } = await assistant({ FUNKYGIBBON_MCP_URL: "", FUNKYGIBBON_ENDPOINTS: file }, "2025-11-25");
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    await client.close();
  });
});

describe("what keeps it from working is told in one sentence on stderr, and stdout stays empty", () => {
  it.each([
    ["no address", {}, /^Where is the home\? Set FUNKYGIBBON_MCP_URL or FUNKYGIBBON_ENDPOINTS; --help says more\.\n$/],
    ["no token", { FUNKYGIBBON_MCP_URL: "http://127.0.0.1:1/mcp" }, /^There is no token: set FUNKYGIBBON_TOKEN or /],
    [
      "a wrong address",
      { FUNKYGIBBON_MCP_URL: "home", FUNKYGIBBON_TOKEN: "t" },
      /^FUNKYGIBBON_MCP_URL must be an address/,
    ],
    ["no such file", { FUNKYGIBBON_ENDPOINTS: "/nowhere" }, /^\/nowhere cannot be read .*: is the system running\?\n$/],
  ])("%s", async (_case, settings, sentence) => {
    const { code, stdout, stderr } = await bare(settings);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(sentence);
  });

  it.each([
    [
      "a refused token",
      () => ({ FUNKYGIBBON_MCP_URL: url, FUNKYGIBBON_TOKEN: "not.a.token" }),
      /^The token was refused: .*\n$/,
    ],
    [
      "nobody at the address",
      () => ({ FUNKYGIBBON_MCP_URL: "http://127.0.0.1:1/mcp", FUNKYGIBBON_TOKEN: "t" }),
      /^The home does not answer at http:\/\/127\.0\.0\.1:1\/mcp: is the system running\?\n$/,
    ],
  ])("%s, which the assistant is told too", async (_case, settings, sentence) => {
    const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "a", version: "1" } };
    const ended = await spoken(settings(), [{ jsonrpc: "2.0", id: 1, method: "initialize", params: hello }]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(sentence);
    expect(JSON.parse(ended.stdout)).toMatchObject({ id: 1, error: { message: ended.stderr.trim() } });
  });
});

describe("its end", () => {
  it("comes with the end of stdin and with signals, in good order", async () => {
    const settings = { FUNKYGIBBON_MCP_URL: url, FUNKYGIBBON_TOKEN: house.tokens.member };
    expect(await spoken(settings, [], "end")).toEqual({ code: 0, stdout: "", stderr: "" });
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      expect(await spoken(settings, [], signal)).toEqual({ code: 0, stdout: "", stderr: "" });
    }
  });

  it("waits for the answers to what was asked right before, and not for what is listened to", async () => {
    const settings = { FUNKYGIBBON_MCP_URL: url, FUNKYGIBBON_TOKEN: house.tokens.member };
    const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "a", version: "1" } };
    const legacy = [
      { jsonrpc: "2.0", id: 1, method: "initialize", params: hello },
      { jsonrpc: "2.0", id: 2, method: "tools/list" },
    ];
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "a", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const notifications = { resourceSubscriptions: ["funkygibbon://home"] };
    const modern = [
      { jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params: { notifications, _meta } },
      { jsonrpc: "2.0", id: 2, method: "tools/list", params: { _meta } },
    ];
    for (const messages of [legacy, modern]) {
      const { code, stdout, stderr } = await spoken(settings, messages, "end");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const answers = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(answers.find(({ id }) => id === 2)?.result.tools.length).toBeGreaterThan(0);
    }
  });

  it("has been explained by --help", async () => {
    const { code, stdout } = await bare({}, "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("FUNKYGIBBON_TOKEN_FILE");
  });
});

/** Says these messages to it, then perhaps ends it, and waits for its end. */
function spoken(settings: Settings, messages: readonly object[], end?: "end" | "SIGTERM" | "SIGINT") {
  const child = spawn(process.execPath, [PROGRAM], {
    cwd: REPOSITORY,
    env: { ...process.env, ...settings },
  });
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk) => {
      output[stream] += chunk;
    });
  }
  for (const message of messages) child.stdin.write(`${JSON.stringify(message)}\n`);
  if (end === "end") child.stdin.end();
  else if (end !== undefined) {
    // It hears signals once it is there: an answer to anything shows that it is.
    child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    child.stdout.once("data", () => {
      output.stdout = "";
      child.kill(end);
    });
  }
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...output }));
  });
}
