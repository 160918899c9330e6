import { connectMcp, type Revision } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import type { Client } from "@modelcontextprotocol/client";
import type { ConstellationUrls } from "./constellation-ground.ts";

/** Arguments of a tool. */
export type ToolArguments = Readonly<Record<string, unknown>>;

/** What a tool answered. */
export interface ToolAnswer<Data = Record<string, unknown>> {
  readonly failed: boolean;
  readonly text: string;
  readonly data: Data;
  readonly error: ToolError | undefined;
}

/** What a failed call says to programs. */
export interface ToolError {
  readonly reason: string;
  readonly call_id: string;
  readonly arguments?: readonly {
    readonly field: string;
    readonly problem: string;
    readonly allowed?: readonly string[];
    readonly nearest?: readonly string[];
  }[];
  readonly suggestions?: readonly { readonly id: string; readonly name: string }[];
}

/** An assistant on the official client, which checks structured content against the output schemas. */
export interface Assistant extends AsyncDisposable {
  readonly client: Client;
  call<Data = Record<string, unknown>>(tool: string, args: ToolArguments): Promise<ToolAnswer<Data>>;
}

/** Connects to the gateway of a constellation and lists the tools. */
export async function connectAssistant(
  { urls }: { readonly urls: Pick<ConstellationUrls, "mcpGateway"> },
  token: string,
  revision: Revision = "2026-07-28",
): Promise<Assistant> {
  const client = await connectMcp(new URL("/mcp", urls.mcpGateway), token, revision);
  await client.listTools();
  return {
    client,
    async call<Data>(tool: string, args: ToolArguments) {
      const result = await client.callTool({ name: tool, arguments: { ...args } });
      const [content] = result.content;
      return {
        failed: result.isError === true,
        text: content?.type === "text" ? content.text : "",
        data: result.structuredContent as Data,
        error: result._meta?.["funkygibbon.dev/error"] as ToolError | undefined,
      };
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
