import type { Identity } from "@funkygibbon/kernel/identity";
import {
  isInputRequiredResult,
  type McpServer,
  type ScopeChallenge,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { permissionFor, SCOPE_OF } from "../domain/permission.ts";
import { ToolFault } from "../domain/tool-fault.ts";
import type { Calls } from "./calls.ts";
import { callWithConsent, canConfirm } from "./confirmation.ts";
import { startHeartbeat } from "./heartbeat.ts";
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
  /** Nothing has been done yet: the user is asked first. */
  readonly asked: boolean;
  /** Undefined when it was carried out, or the user was asked. */
  readonly error: unknown;
}

/** Options of {@link offerTools}. */
export interface OfferToolsOptions {
  readonly tools: readonly Tool[];
  /** Offer reads only, whoever calls. */
  readonly readOnly: boolean;
  readonly identity: Identity;
  /** The caller has asked too much and is to wait so long before anything is done. */
  readonly waitMs: number | undefined;
  readonly era: "legacy" | "modern";
  readonly heartbeatMs: number;
  onToolCall(report: ToolCallReport): void;
}

/** Offers tools to one caller, as far as the caller may use them. */
export function offerTools(server: McpServer, calls: Calls, options: OfferToolsOptions): void {
  const { identity } = options;
  const offered = options.tools.filter((tool) => tool.access === "read" || !options.readOnly);
  for (const tool of offered) {
    const { inputSchema, outputSchema } = tool;
    const scopeChallenge = () => missingScope(tool, identity);
    server.registerTool(
      tool.name,
      { inputSchema, scopeChallenge, ...(outputSchema === undefined ? {} : { outputSchema }) },
      (args, sdk) => callTool({ tool, args, sdk, server, calls }, options),
    );
  }
  // A guest never sees what a guest cannot do. Schemas are converted once for all requests, not once for each.
  const visible = offered.filter((tool) => permissionFor(tool.access, identity) !== "role");
  server.server.setRequestHandler("tools/list", () => ({ tools: visible.map((tool) => tool.listed) }));
}

interface Invocation {
  readonly tool: Tool;
  readonly args: unknown;
  readonly sdk: ServerContext;
  readonly server: McpServer;
  readonly calls: Calls;
}

async function callTool({ tool, args, sdk, server, calls }: Invocation, options: OfferToolsOptions) {
  const startedAt = performance.now();
  const context = calls.begin(tool.name, sdk);
  const { callId, clientName, identity } = context.call;
  const report = (outcome: Pick<ToolCallReport, "asked" | "error">) => {
    const durationMs = performance.now() - startedAt;
    options.onToolCall({ tool: tool.name, callId, identity, clientName, era: options.era, durationMs, ...outcome });
  };
  using _ = startHeartbeat(sdk.mcpReq, options.heartbeatMs);
  try {
    if (options.waitMs !== undefined) throw tooManyCalls(options.waitMs);
    const canAsk = canConfirm(server.server.getClientCapabilities());
    const result = await calls.within(context, sdk, () => callWithConsent(tool, args, context, { canAsk }));
    report({ asked: isInputRequiredResult(result), error: undefined });
    return result;
  } catch (error) {
    report({ asked: false, error });
    return failedResult(error, callId);
  }
}

function missingScope(tool: Tool, identity: Identity): ScopeChallenge | undefined {
  if (permissionFor(tool.access, identity) !== "scope") return undefined;
  return {
    scopes: [SCOPE_OF.read, SCOPE_OF[tool.access]],
    errorDescription: `${tool.name} needs the scope ${SCOPE_OF[tool.access]}`,
  };
}

function tooManyCalls(waitMs: number): ToolFault {
  return new ToolFault("Too many calls at once; nothing was done.", {
    reason: "RATE_LIMITED",
    hint: `Wait ${Math.ceil(waitMs / 1_000)} s, then call again.`,
  });
}
