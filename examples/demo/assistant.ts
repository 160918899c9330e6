import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** An AI assistant that talks MCP to the gateway, with the official SDK. */
export interface Assistant extends AsyncDisposable {
  /** Calls a tool. @returns its structured answer. @throws Error with the tool's own words when it fails. */
  call(tool: string, args: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/** Connects to `<url>/mcp`. */
export async function connectAssistant(url: string, token: string): Promise<Assistant> {
  const client = new Client({ name: "demo-assistant", version: "0.1.0" });
  const authProvider = { token: () => Promise.resolve(token) };
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", url), { authProvider }));
  return {
    async call(tool, args) {
      const result = await client.callTool({ name: tool, arguments: args });
      if (result.isError) throw new Error(`${tool}: ${JSON.stringify(result.content)}`);
      return (result.structuredContent ?? {}) as Record<string, unknown>;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
