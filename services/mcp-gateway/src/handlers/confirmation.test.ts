import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EndpointUnderTest, REVISIONS, type Revision, startEndpoint } from "../testing/endpoint-under-test.ts";
import { homeTools } from "./tools/catalog.ts";

let endpoint: EndpointUnderTest;
beforeAll(async () => {
  endpoint = await startEndpoint();
});
afterAll(() => endpoint[Symbol.asyncDispose]());

type Action = "accept" | "decline" | "cancel";

/** A client whose user answers every question like this. */
async function clientAnswering(action: Action, revision: Revision) {
  const client = new Client(
    { name: "Asking Assistant", version: "1.0.0" },
    {
      capabilities: { elicitation: { form: {} } },
      versionNegotiation: { mode: revision === "2026-07-28" ? { pin: revision } : "legacy" },
    },
  );
  const questions: string[] = [];
  client.setRequestHandler("elicitation/create", ({ params }) => {
    questions.push(params.message);
    return action === "accept" ? { action, content: {} } : { action };
  });
  await client.connect(
    new StreamableHTTPClientTransport(endpoint.url, { authProvider: { token: async () => "member" } }),
  );
  const remove = (id: string, more: object = {}) =>
    client.callTool({ name: "delete_entity", arguments: { entity_id: id, ...more } });
  return { questions, remove, client };
}

describe.each(REVISIONS)("a tool that takes something away, in %s", (revision) => {
  it("does it after the user has agreed to what it would do", async () => {
    const lamp = endpoint.home.add("device", "Old lamp");
    const { questions, remove } = await clientAnswering("accept", revision);
    const result = await remove(lamp.id);
    expect(result.structuredContent).toMatchObject({ entity: { id: lamp.id }, dry_run: false });
    expect(questions).toEqual([expect.stringContaining("Would delete Old lamp")]);
    expect(endpoint.home.entities.has(lamp.id)).toBe(false);
    expect(endpoint.reports.slice(-2).map(({ asked }) => asked)).toEqual([true, false]);
  });

  it("shows both sides of a conflict before it takes one", async () => {
    endpoint.home.clear();
    const { id } = endpoint.home.addConflict();
    const { questions, client } = await clientAnswering("accept", revision);
    const result = await client.callTool({ name: "settle_conflict", arguments: { conflict_id: id, take: "device" } });
    expect(result.structuredContent).toMatchObject({ conflict_id: id, decision: "took_local", dry_run: false });
    expect(questions).toEqual([
      expect.stringMatching(/^Would settle .*\n- name: the device says "Lamp", the server not set/),
    ]);
    expect(endpoint.home.knownConflicts[0]?.decision).toBe("took_local");
  });

  it.each(["decline", "cancel"] as const)("changes nothing and says so when the user answers: %s", async (action) => {
    const lamp = endpoint.home.add("device", "Old lamp");
    const { remove } = await clientAnswering(action, revision);
    const result = await remove(lamp.id);
    expect(result).toMatchObject({ isError: true, _meta: { "funkygibbon.dev/error": { reason: "NOT_CONFIRMED" } } });
    expect(result.content).toMatchObject([{ text: expect.stringContaining("nothing was changed") }]);
    expect(endpoint.home.entities.has(lamp.id)).toBe(true);
  });

  it("asks nothing when it would fail anyway, or is only tried", async () => {
    const lamp = endpoint.home.add("device", "Old lamp");
    const { questions, remove } = await clientAnswering("accept", revision);
    expect(await remove("Old lamp")).toMatchObject({ isError: true });
    expect(await remove(lamp.id, { dry_run: true })).toMatchObject({ structuredContent: { dry_run: true } });
    expect(questions).toEqual([]);
  });

  it("does it at once for a client that cannot ask", async () => {
    const lamp = endpoint.home.add("device", "Old lamp");
    const client = await endpoint.connect("member", revision);
    await client.callTool({ name: "delete_entity", arguments: { entity_id: lamp.id } });
    expect(endpoint.home.entities.has(lamp.id)).toBe(false);
  });
});

it.each(homeTools.filter(({ destructive }) => destructive))(
  "$name can be tried, which is what the user is shown",
  (tool) => {
    expect(tool.listed.inputSchema.properties).toHaveProperty("dry_run");
  },
);

describe("consent", () => {
  const call = (args: object, more: object, token = "member") =>
    fetch(endpoint.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${token}`,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "delete_entity",
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: {
          name: "delete_entity",
          arguments: args,
          ...more,
          _meta: {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
          },
        },
      }),
    }).then((response) => response.json());

  const accepted = { inputResponses: { confirm: { action: "accept", content: {} } } };

  it("is for the call that was shown to the user, and no other", async () => {
    const [lamp, fridge] = [endpoint.home.add("device", "Lamp"), endpoint.home.add("device", "Fridge")];
    const { result } = await call({ entity_id: lamp.id }, {});
    expect(result).toMatchObject({ resultType: "input_required" });
    const other = await call({ entity_id: fridge.id }, { ...accepted, requestState: result.requestState });
    expect(other.result.resultType).toBe("input_required");
    expect(endpoint.home.entities.has(fridge.id)).toBe(true);
  });

  it("that nobody was asked for counts for nothing", async () => {
    const lamp = endpoint.home.add("device", "Lamp");
    expect((await call({ entity_id: lamp.id }, accepted)).result.resultType).toBe("input_required");
    const forged = await call({ entity_id: lamp.id }, { ...accepted, requestState: "v1.e30.AAAA" });
    expect(forged.error.code).toBe(-32_602);
    expect(endpoint.home.entities.has(lamp.id)).toBe(true);
  });

  it("is that of the user who was asked", async () => {
    const lamp = endpoint.home.add("device", "Lamp");
    const { result } = await call({ entity_id: lamp.id }, {});
    const stolen = await call({ entity_id: lamp.id }, { ...accepted, requestState: result.requestState }, "owner~eve");
    expect(stolen.error.code).toBe(-32_602);
    expect(endpoint.home.entities.has(lamp.id)).toBe(true);
  });
});
