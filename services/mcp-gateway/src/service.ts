import { createHmac } from "node:crypto";
import { connectEvents } from "@funkygibbon/events/connection";
import { createTokenVerifier, serviceTokenSource } from "@funkygibbon/rpc/auth";
import { startRpcServer } from "@funkygibbon/rpc/server";
import type { RunningService, ServiceContext } from "@funkygibbon/runtime/run-service";
import { createActorMint } from "./adapters/actor-mint.ts";
import { memoryRateLimits } from "./adapters/memory-rate-limits.ts";
import { natsGraphChanges } from "./adapters/nats-graph-changes.ts";
import { natsSessionPeers } from "./adapters/nats-session-peers.ts";
import { connectActivityLog } from "./adapters/rpc-activity-log.ts";
import { connectConflictInbox } from "./adapters/rpc-conflict-inbox.ts";
import { connectDeviceSync } from "./adapters/rpc-device-sync.ts";
import { connectHomeEdits } from "./adapters/rpc-home-edits.ts";
import { connectHomeGraph } from "./adapters/rpc-home-graph.ts";
import { connectHomeHistory } from "./adapters/rpc-home-history.ts";
import type { McpGatewayConfig } from "./config.ts";
import { createMcpEndpoint } from "./handlers/mcp-endpoint.ts";
import { mcpServerFactory } from "./handlers/mcp-server.ts";
import { homePrompts } from "./handlers/prompts/catalog.ts";
import { MCP_PATH, METADATA_PATHS, resourceMetadataRoute } from "./handlers/resource-metadata.ts";
import { homeResources } from "./handlers/resources/home-resources.ts";
import { homeTools } from "./handlers/tools/catalog.ts";
import { gatewayTelemetry } from "./telemetry.ts";

/** A gateway that answers. */
export interface McpGateway extends RunningService {
  readonly port: number;
  /** `http://127.0.0.1:4404`; the MCP endpoint is at `/mcp` there. */
  readonly url: string;
  drain(): Promise<void>;
}

/** What the server says it is. */
export const GATEWAY_VERSION = "0.1.0";

/** Connects to the services behind the gateway and serves MCP. They may still be starting: calls say so meanwhile. */
export async function startMcpGateway(config: McpGatewayConfig, context: ServiceContext): Promise<McpGateway> {
  const { log, telemetry, health, clock } = context;
  await using opened = new AsyncDisposableStack();
  const verifier = createTokenVerifier({ ...config.rpc.auth, clock });
  const actors = createActorMint({ secret: config.actorSecret, clock });
  const serviceToken = serviceTokenSource(config.serviceTokenFile);
  const client = (url: string) => ({ url, serviceToken, log });

  const ports = {
    graph: opened.use(connectHomeGraph(client(config.entityStoreUrl), actors)),
    edits: opened.use(connectHomeEdits(client(config.entityStoreUrl), actors)),
    history: opened.use(connectHomeHistory(client(config.entityStoreUrl), actors)),
    activity: opened.use(connectActivityLog(client(config.entityStoreUrl), actors)),
    devices: opened.use(connectDeviceSync(client(config.syncCoordinatorUrl), actors)),
    conflicts: opened.use(connectConflictInbox(client(config.conflictResolutionUrl), actors)),
    clock,
  };
  const bus = opened.use(
    await connectEvents({ url: config.natsUrl, connectionName: "mcp-gateway", log, meter: telemetry.meter }),
  );
  const events = gatewayTelemetry(telemetry, log);
  const endpoint = opened.use(
    createMcpEndpoint({
      factory: mcpServerFactory({
        tools: homeTools,
        resources: homeResources,
        prompts: homePrompts,
        ports,
        version: GATEWAY_VERSION,
        readOnly: config.readOnly,
        stateKey: stateKeyFrom(config.actorSecret),
        onToolCall: events.toolCalled,
      }),
      verifier,
      resource: config.resource,
      rateLimits: memoryRateLimits(config.userRequestsPerSecond),
      changes: natsGraphChanges(bus),
      listenerLimits: config.listenerLimits,
      peers: natsSessionPeers(bus),
      onListening: events.listening,
      onTransportError: events.transportFailed,
    }),
  );
  // Without it, every call behind us would be refused: better not to be ready.
  health.addReadinessCheck("service-credential", async () => void serviceToken());

  const metadata = resourceMetadataRoute(config.resource);
  const server = opened.use(
    await startRpcServer({
      host: config.rpc.host,
      port: config.rpc.port,
      services: [],
      verifier,
      health,
      log,
      telemetry,
      reflection: config.rpc.reflection,
      corsOrigins: config.rpc.corsOrigins,
      allowedHosts: config.rpc.allowedHosts,
      metricsPublic: config.rpc.metricsPublic,
      httpRoutes: {
        [MCP_PATH]: endpoint.route,
        ...Object.fromEntries(METADATA_PATHS.map((path) => [path, metadata])),
      },
    }),
  );

  const running = opened.move();
  return {
    port: server.port,
    url: server.url,
    async drain() {
      await Promise.all([endpoint.drain(), server.drain()]);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A key of its own for what travels through clients, so that it can never pass for an actor. */
function stateKeyFrom(actorSecret: string): Uint8Array {
  return createHmac("sha256", actorSecret).update("mcp-gateway request state").digest();
}
