import { randomBytes } from "node:crypto";
import type { Clock } from "@funkygibbon/kernel/clock";
import type { Identity } from "@funkygibbon/kernel/identity";
import { must } from "@funkygibbon/kernel/must";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import { withCallScope } from "@funkygibbon/runtime/call-scope";
import { extractTrace } from "@funkygibbon/runtime/trace-context";
import {
  type CallToolResult,
  McpServer,
  type McpServerFactory,
  type ScopeChallenge,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { permissionFor, SCOPE_OF } from "../domain/permission.ts";
import type { Ports } from "../domain/ports.ts";
import { tidyClientName } from "../domain/tool-call.ts";
import { identityOf } from "./caller.ts";
import { clientNameIn, SESSION_HEADER } from "./session-id.ts";
import type { Tool } from "./tool.ts";
import { failedResult } from "./tool-errors.ts";

/** How one call of a tool went; one is reported for every call. */
export interface ToolCallReport {
  readonly tool: string;
  readonly callId: string;
  readonly identity: Identity;
  readonly clientName: string;
  readonly era: "legacy" | "modern";
  readonly durationMs: number;
  /** Undefined when it was carried out. */
  readonly error: unknown;
}

/** Options of {@link mcpServerFactory}. */
export interface McpServerOptions {
  readonly tools: readonly Tool[];
  readonly ports: Ports;
  readonly version: string;
  /** Offer reads only, whoever calls. */
  readonly readOnly: boolean;
  readonly clock: Clock;
  onToolCall(report: ToolCallReport): void;
}

const INSTRUCTIONS =
  "The knowledge graph of the user's home: rooms, devices, procedures, manuals, automations and how they relate. " +
  "Find things with search_entities or get_devices_in_room, read them with get_entity_details. " +
  "Changes reach every device of the household at once and stay in its history under the user's name.";

/** The list of tools changes only with a release; what a caller may see of it changes with the token. */
const TOOL_LIST_TTL_MS = 300_000;

/**
 * Makes the MCP server that answers one request (HTTP) or one connection (stdio). The same factory serves revision
 * 2026-07-28 and clients of 2025-11-25, and keeps nothing between requests.
 */
export function mcpServerFactory(options: McpServerOptions): McpServerFactory {
  return ({ era, authInfo, requestInfo }) => {
    const server = new McpServer(
      { name: "funkygibbon", title: "FunkyGibbon home graph", version: options.version },
      {
        capabilities: { tools: { listChanged: false } },
        instructions: INSTRUCTIONS,
        cacheHints: { "tools/list": { ttlMs: TOOL_LIST_TTL_MS, cacheScope: "private" } },
        maxToolInputElements: 10_000,
      },
    );
    const identity = must(identityOf(authInfo), "whoever serves this factory verifies the caller first");

    const offered = options.tools.filter((tool) => tool.access === "read" || !options.readOnly);
    const sessionName = clientNameIn(requestInfo?.headers.get(SESSION_HEADER) ?? null);
    for (const tool of offered) {
      server.registerTool(
        tool.name,
        {
          inputSchema: tool.inputSchema,
          outputSchema: tool.outputSchema,
          scopeChallenge: () => scopeChallenge(tool, identity),
        },
        (args, context) => {
          const clientName = tidyClientName(server.server.getClientVersion()?.name ?? sessionName);
          return callTool({ tool, args, context, identity, clientName, era }, options);
        },
      );
    }
    // A guest never sees what a guest cannot do. Schemas are converted once for all requests, not once for each.
    const visible = offered.filter((tool) => permissionFor(tool.access, identity) !== "role");
    server.server.setRequestHandler("tools/list", () => ({ tools: visible.map((tool) => tool.listed) }));
    return server;
  };
}

interface Invocation {
  readonly tool: Tool;
  readonly args: unknown;
  readonly context: ServerContext;
  readonly identity: Identity;
  readonly clientName: string;
  readonly era: "legacy" | "modern";
}

async function callTool(invocation: Invocation, options: McpServerOptions): Promise<CallToolResult> {
  const { tool, context, identity, clientName, era } = invocation;
  const startedAt = performance.now();
  const callId = uuidV7(options.clock.now(), randomBytes(10));
  const report = (error: unknown) =>
    options.onToolCall({
      tool: tool.name,
      callId,
      identity,
      clientName,
      era,
      durationMs: performance.now() - startedAt,
      error,
    });
  const call = { identity, clientName, tool: tool.name, callId, signal: context.mcpReq.signal };
  try {
    const scope = { requestId: callId, trace: traceOf(context) };
    const result = await withCallScope(scope, () => tool.call(invocation.args, { ...options.ports, call }));
    report(undefined);
    return result;
  } catch (error) {
    report(error);
    return failedResult(error, callId);
  }
}

/** The caller's trace: from the request's `_meta` (2026-07-28) or the HTTP headers. */
function traceOf({ mcpReq, http }: ServerContext) {
  return extractTrace((name) => {
    const value = mcpReq._meta?.[name];
    return typeof value === "string" ? value : (http?.req?.headers.get(name) ?? undefined);
  });
}

function scopeChallenge(tool: Tool, identity: Identity): ScopeChallenge | undefined {
  if (permissionFor(tool.access, identity) !== "scope") return undefined;
  return {
    scopes: [SCOPE_OF.read, SCOPE_OF[tool.access]],
    errorDescription: `${tool.name} needs the scope ${SCOPE_OF[tool.access]}`,
  };
}
