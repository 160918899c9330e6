import { randomBytes } from "node:crypto";
import { MICROS_PER_MS, systemClock } from "@funkygibbon/kernel/clock";
import { unauthenticated } from "@funkygibbon/kernel/errors";
import type { Identity, Role } from "@funkygibbon/kernel/identity";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { startRpcServer } from "@funkygibbon/rpc/server";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { McpServer } from "@modelcontextprotocol/server";
import { memoryRateLimits } from "../adapters/memory-rate-limits.ts";
import type { ListenerLimits } from "../handlers/listeners.ts";
import { createMcpEndpoint } from "../handlers/mcp-endpoint.ts";
import { type Features, mcpServerFactory } from "../handlers/mcp-server.ts";
import type { ToolCallReport } from "../handlers/offer-tools.ts";
import { homePrompts } from "../handlers/prompts/catalog.ts";
import { MCP_PATH, METADATA_PATHS, resourceMetadataRoute } from "../handlers/resource-metadata.ts";
import { homeResources } from "../handlers/resources/home-resources.ts";
import { homeTools } from "../handlers/tools/catalog.ts";
import { FakeChanges, FakePeers } from "./fake-changes.ts";
import { FakeHome } from "./fake-home.ts";

/** The revisions of MCP that clients speak. */
export const REVISIONS = ["2026-07-28", "2025-11-25"] as const;
export type Revision = (typeof REVISIONS)[number];

/** The real endpoint on the real server, in front of a home in memory. Tokens are `<role>`, or with all that may follow `member.read.write~ada~villa`. */
export interface EndpointUnderTest extends AsyncDisposable {
  readonly url: URL;
  readonly home: FakeHome;
  readonly changes: FakeChanges;
  readonly reports: readonly ToolCallReport[];
  connect(token: string, revision?: Revision): Promise<Client>;
  drain(): Promise<void>;
}

/** Options of {@link startEndpoint}. */
export interface EndpointUnderTestOptions {
  readonly readOnly?: boolean;
  readonly heartbeatMs?: number;
  readonly listenerLimits?: ListenerLimits;
  readonly tokenLifeMs?: number;
  readonly requestsPerSecond?: number;
  /** Of another replica, when it is one of several. */
  readonly home?: FakeHome;
  readonly peers?: FakePeers;
  readonly stateKey?: Uint8Array;
  /** Default: those of the home. */
  readonly features?: Features;
  /** What is done to each server before it serves. */
  prepare?(server: McpServer): void;
  /** The token of a caller who brings none. */
  readonly presumedToken?: string;
}

/** Starts it on a free port. */
export async function startEndpoint(options: EndpointUnderTestOptions = {}): Promise<EndpointUnderTest> {
  const opened = new AsyncDisposableStack();
  const home = options.home ?? new FakeHome();
  const changes = new FakeChanges();
  const reports: ToolCallReport[] = [];
  const resource = { publicUrl: undefined, authorizationServers: ["https://id.example"] };
  const factory = mcpServerFactory({
    ...(options.features ?? { tools: homeTools, resources: homeResources, prompts: homePrompts }),
    ports: home,
    version: "0.0.0",
    readOnly: options.readOnly ?? false,
    stateKey: options.stateKey ?? randomBytes(32),
    ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
    onToolCall: (report) => void reports.push(report),
  });
  const endpoint = opened.use(
    createMcpEndpoint({
      factory: (context) => {
        const server = factory(context);
        options.prepare?.(server);
        return server;
      },
      verifier: { verifyUser: async (token) => identityFor(token, options.tokenLifeMs ?? 60_000) },
      resource,
      rateLimits: memoryRateLimits(options.requestsPerSecond ?? 1_000_000),
      changes,
      listenerLimits: options.listenerLimits ?? { perUser: 20, total: 1_000 },
      peers: (options.peers ?? new FakePeers()).replica(),
      onTransportError: () => {},
    }),
  );
  const telemetry = opened.use(startTelemetry({ service: "mcp-gateway", version: "0.0.0" }));
  const refuseAll = async () => {
    throw unauthenticated("not in this test");
  };
  const metadata = resourceMetadataRoute(resource);
  const server = opened.use(
    await startRpcServer({
      host: "127.0.0.1",
      port: 0,
      services: [],
      verifier: { verifyUser: refuseAll, verifyService: refuseAll, verifyActor: refuseAll },
      health: new Health(),
      log: silentLogger(),
      telemetry,
      httpRoutes: {
        [MCP_PATH]: (request, response) => {
          if (options.presumedToken !== undefined) request.headers.authorization ??= `Bearer ${options.presumedToken}`;
          return endpoint.route(request, response);
        },
        ...Object.fromEntries(METADATA_PATHS.map((path) => [path, metadata])),
      },
    }),
  );
  const url = new URL(MCP_PATH, server.url);
  return {
    url,
    home,
    changes,
    reports,
    drain: () => endpoint.drain(),
    async connect(token, revision = "2026-07-28") {
      const client = await connectMcp(url, token, revision);
      opened.defer(() => client.close());
      return client;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The official client, speaking this revision. */
export async function connectMcp(url: URL, token: string, revision: Revision = "2026-07-28"): Promise<Client> {
  const client = new Client(
    { name: "Test Assistant", version: "1.0.0" },
    { versionNegotiation: { mode: revision === "2026-07-28" ? { pin: revision } : "legacy" } },
  );
  await client.connect(new StreamableHTTPClientTransport(url, { authProvider: { token: async () => token } }));
  return client;
}

function identityFor(token: string, lifeMs: number): Identity {
  const [grant = "", user = "ada", household = "villa"] = token.split("~");
  const [role = "", ...scopes] = grant.split(".");
  const known: readonly Role[] = ["owner", "member", "guest"];
  const found = known.find((each) => each === role);
  if (found === undefined) throw unauthenticated("the token does not verify", "TOKEN_INVALID");
  return {
    household: parseHouseholdId(household),
    user: parseUserId(user),
    role: found,
    scopes: scopes.map((scope) => `home:${scope}`),
    device: undefined,
    expiresAt: systemClock.now() + lifeMs * MICROS_PER_MS,
    client: undefined,
  };
}
