import { must } from "@funkygibbon/kernel/must";
import { type McpRequestContext, McpServer } from "@modelcontextprotocol/server";
import type { Ports } from "../domain/ports.ts";
import { identityOf, waitOf } from "./caller.ts";
import { Calls } from "./calls.ts";
import type { Prompt, Resources } from "./feature.ts";
import { offerCompletions } from "./offer-completions.ts";
import { offerPrompts } from "./offer-prompts.ts";
import { offerResources } from "./offer-resources.ts";
import { offerTools, type ToolCallReport } from "./offer-tools.ts";
import { stateCodec } from "./state-codec.ts";
import type { Tool } from "./tool.ts";

/** What there is to offer. */
export interface Features {
  readonly tools: readonly Tool[];
  readonly resources: Resources;
  readonly prompts: readonly Prompt[];
}

/** Options of {@link mcpServerFactory}. */
export interface McpServerOptions extends Features {
  readonly ports: Ports;
  readonly version: string;
  /** Offer reads only, whoever calls. */
  readonly readOnly: boolean;
  /** Signs what goes through a client and comes back: 32 bytes or more, the same on all replicas. */
  readonly stateKey: Uint8Array;
  /** How often a tool that takes long says so to a client that wants to know. Default 2000. */
  readonly heartbeatMs?: number;
  onToolCall(report: ToolCallReport): void;
}

const INSTRUCTIONS =
  "The knowledge graph of the user's home: rooms, devices, procedures, manuals, automations and how they relate. " +
  "Find things with search_entities or get_devices_in_room, read them with get_entity_details. " +
  "Changes reach every device of the household at once and stay in its history under the user's name; each answers a " +
  "call_id, by which undo takes it back.";

/** Tools, prompts and forms of addresses change only with a release; what a caller sees of them changes with the token. */
const CATALOGUE = { ttlMs: 300_000, cacheScope: "private" } as const;
/** What the graph says may be otherwise the next moment. */
const LIVE = { ttlMs: 0, cacheScope: "private" } as const;

/**
 * Makes the MCP server that answers one request. The same factory serves revision 2026-07-28 and clients of 2025-11-25,
 * and keeps nothing between requests.
 */
export function mcpServerFactory(options: McpServerOptions): (request: McpRequestContext) => McpServer {
  const { tools, resources, prompts, readOnly, onToolCall, heartbeatMs = 2_000 } = options;
  const codec = stateCodec(options.stateKey);
  return ({ era, authInfo }) => {
    const identity = must(identityOf(authInfo), "whoever serves this factory verifies the caller first");
    const server = new McpServer(
      { name: "funkygibbon", title: "FunkyGibbon home graph", version: options.version },
      {
        capabilities: { tools: { listChanged: false } },
        instructions: INSTRUCTIONS,
        cacheHints: {
          "tools/list": CATALOGUE,
          "prompts/list": CATALOGUE,
          "resources/templates/list": CATALOGUE,
          "resources/list": LIVE,
          "resources/read": LIVE,
        },
        maxToolInputElements: 10_000,
        requestState: { verify: codec.verify },
      },
    );
    const calls = new Calls({ server, identity, ports: options.ports, codec });
    offerTools(server, calls, { tools, readOnly, identity, waitMs: waitOf(authInfo), era, heartbeatMs, onToolCall });
    offerResources(server, calls, resources);
    offerPrompts(server, calls, prompts);
    offerCompletions(server, calls, { prompts, resources });
    return server;
  };
}
