import { createTokenVerifier, serviceTokenSource } from "@funkygibbon/rpc/auth";
import { startRpcServer } from "@funkygibbon/rpc/server";
import type { RunningService, ServiceContext } from "@funkygibbon/runtime/run-service";
import { connectConflictStore } from "./adapters/rpc-conflict-store.ts";
import type { ConflictResolutionConfig } from "./config.ts";
import { bindServices } from "./handlers/bind-services.ts";
import { conflictTelemetry } from "./telemetry.ts";

/** conflict-resolution, answering. */
export interface ConflictResolution extends RunningService {
  readonly port: number;
  /** `http://127.0.0.1:4403`. */
  readonly url: string;
  drain(): Promise<void>;
}

/** What the service says it is. */
export const CONFLICT_RESOLUTION_VERSION = "0.1.0";

/** A divergence brings up to three bodies of one record, so a batch may be larger than the push that it came from. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * Serves the resolver and the inbox. Holds no state: any number of replicas may run. The resolver needs nobody else;
 * the inbox needs entity-store, which may still be starting: its calls say so meanwhile.
 */
export async function startConflictResolution(
  config: ConflictResolutionConfig,
  context: ServiceContext,
): Promise<ConflictResolution> {
  const { log, telemetry, health, clock } = context;
  await using opened = new AsyncDisposableStack();
  const serviceToken = serviceTokenSource(config.serviceTokenFile);
  const store = opened.use(connectConflictStore({ url: config.entityStoreUrl, serviceToken, log }));
  const { batchResolved, conflictsSettled } = conflictTelemetry(telemetry);
  // Without it, every call to the store would be refused: better not to be ready.
  health.addReadinessCheck("service-credential", async () => void serviceToken());

  const server = opened.use(
    await startRpcServer({
      host: config.rpc.host,
      port: config.rpc.port,
      services: bindServices(store, { onBatch: batchResolved, onSettled: conflictsSettled }),
      verifier: createTokenVerifier({ ...config.rpc.auth, clock }),
      health,
      log,
      telemetry,
      reflection: config.rpc.reflection,
      corsOrigins: config.rpc.corsOrigins,
      allowedHosts: config.rpc.allowedHosts,
      metricsPublic: config.rpc.metricsPublic,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    }),
  );

  const running = opened.move();
  return {
    port: server.port,
    url: server.url,
    drain: () => server.drain(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
