import { configureConflictResolution } from "@funkygibbon/conflict-resolution/config";
import { startConflictResolution } from "@funkygibbon/conflict-resolution/service";
import { configureEntityStore } from "@funkygibbon/entity-store/config";
import { startEntityStore } from "@funkygibbon/entity-store/service";
import { systemClock } from "@funkygibbon/kernel/clock";
import { configureMcpGateway } from "@funkygibbon/mcp-gateway/config";
import { startMcpGateway } from "@funkygibbon/mcp-gateway/service";
import type { Environment, RuntimeConfig } from "@funkygibbon/runtime/config";
import { Health } from "@funkygibbon/runtime/health";
import { createLogger, silentLogger } from "@funkygibbon/runtime/log";
import type { RunningService, ServiceContext } from "@funkygibbon/runtime/run-service";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { configureSyncCoordinator } from "@funkygibbon/sync-coordinator/config";
import { startSyncCoordinator } from "@funkygibbon/sync-coordinator/service";
import type { LocalIssuer, TokenClaims } from "../../deploy/local/issuer.ts";
import {
  type HouseholdTokens,
  newHousehold,
  type PublicClients,
  publicClients,
  type TestHousehold,
} from "./constellation-callers.ts";
import {
  type ConstellationGround,
  type ConstellationUrls,
  type GroundOptions,
  openGround,
  type ServiceName,
} from "./constellation-ground.ts";

/** All four services, on servers of their own, with people to call them. */
export interface Constellation extends AsyncDisposable {
  readonly urls: ConstellationUrls;
  /** The first household; more by {@link Constellation.newHousehold}. */
  readonly household: string;
  readonly tokens: HouseholdTokens & {
    /** The owner of a household of its own. */
    readonly otherHousehold: string;
  };
  readonly otherHousehold: string;
  readonly issuer: LocalIssuer;
  /** A token; default: the owner of {@link household}. */
  mintToken(claims?: Partial<TokenClaims>): Promise<string>;
  /** A household that nobody else uses, for a test that counts what is in it. */
  newHousehold(name?: string): Promise<TestHousehold>;
  readonly clients: PublicClients;
  readonly ground: ConstellationGround;
  /** One more sync-coordinator beside the first; ends with the constellation at the latest. */
  anotherCoordinator(): Promise<Replica>;
  /** One more mcp-gateway beside the first. */
  anotherGateway(): Promise<Replica>;
}

/** A service of which there are several. */
export interface Replica {
  readonly url: string;
  /** What SIGTERM does: it finishes what it has begun, sends its callers away in good order, and ends. */
  retire(): Promise<void>;
}

/** Boots the four services in this process, on free ports. Any number of constellations may run side by side. */
export async function constellation(options: GroundOptions = {}): Promise<Constellation> {
  await using opened = new AsyncDisposableStack();
  const ground = opened.use(await openGround(options));
  const entityStore = opened.use(
    await boot(ground, { name: "entity-store", configure: configureEntityStore, start: startEntityStore }),
  ).url;
  const conflictResolution = opened.use(
    await boot(
      ground,
      { name: "conflict-resolution", configure: configureConflictResolution, start: startConflictResolution },
      { entityStore },
    ),
  ).url;
  const coordinators = opened.use(new AsyncDisposableStack());
  const anotherCoordinator = async () =>
    coordinators.use(
      await boot(
        ground,
        { name: "sync-coordinator", configure: configureSyncCoordinator, start: startSyncCoordinator },
        { entityStore, conflictResolution },
      ),
    );
  const syncCoordinator = (await anotherCoordinator()).url;
  const gateways = opened.use(new AsyncDisposableStack());
  const anotherGateway = async () =>
    gateways.use(
      await boot(
        ground,
        { name: "mcp-gateway", configure: configureMcpGateway, start: startMcpGateway },
        { entityStore, conflictResolution, syncCoordinator },
      ),
    );
  const mcpGateway = (await anotherGateway()).url;
  const urls = { entityStore, syncCoordinator, conflictResolution, mcpGateway };
  const people = await peopleOf(ground, urls);
  opened.use(people.clients);
  const stack = opened.move();
  return {
    urls,
    ground,
    ...people,
    anotherCoordinator,
    anotherGateway,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What a constellation offers whatever runs its services: households, tokens and clients. */
export async function peopleOf(ground: ConstellationGround, urls: ConstellationUrls) {
  const { issuer } = ground;
  const [first, other] = await Promise.all([newHousehold(issuer), newHousehold(issuer, "other")]);
  return {
    household: first.id,
    otherHousehold: other.id,
    tokens: { ...first.tokens, otherHousehold: other.tokens.owner },
    issuer,
    mintToken: first.mint,
    newHousehold: (name?: string) => newHousehold(issuer, name),
    clients: publicClients(urls),
  };
}

interface Bootable<Config> {
  readonly name: ServiceName;
  configure(environment: Environment): Config & { readonly runtime: RuntimeConfig };
  start(config: Config, context: ServiceContext): Promise<RunningService & { readonly url: string }>;
}

/** What runService does for a process, without touching the process: two systems must fit into one. */
async function boot<Config>(
  ground: ConstellationGround,
  service: Bootable<Config>,
  urls: Partial<ConstellationUrls> = {},
): Promise<AsyncDisposable & Replica> {
  const config = service.configure(ground.environment(service.name, 0, urls));
  const level = process.env.TEST_LOG_LEVEL === undefined ? undefined : config.runtime.logLevel;
  const log = level === undefined ? silentLogger() : await createLogger({ service: service.name, level });
  const telemetry = startTelemetry({ service: service.name, version: "test" });
  const health = new Health();
  const stopping = new AbortController();
  const running = await service.start(config, {
    log,
    telemetry,
    health,
    clock: systemClock,
    signal: stopping.signal,
  });
  health.markServing();
  let ended: Promise<void> | undefined;
  const end = async (inGoodOrder: boolean) => {
    health.markDraining();
    if (inGoodOrder) await running.drain?.();
    stopping.abort(new Error("the test is over"));
    await running[Symbol.asyncDispose]();
    await telemetry[Symbol.asyncDispose]();
  };
  return {
    url: running.url,
    retire: () => (ended ??= end(true)),
    [Symbol.asyncDispose]: () => (ended ??= end(false)),
  };
}
