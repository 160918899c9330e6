import { createHmac } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ResolveRequestSchema,
  ResolveResponseSchema,
} from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import type { SyncStreamRequest, SyncStreamResponseSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Clock } from "@funkygibbon/kernel/clock";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { Encoded } from "@funkygibbon/rpc/encoded";
import { silentLogger } from "@funkygibbon/runtime/log";
import { resolveHandler } from "../../services/conflict-resolution/src/handlers/resolve.ts";
import { EventfulClocks } from "../../services/sync-coordinator/src/adapters/clock-raiser.ts";
import { SharedHouseholdFeeds } from "../../services/sync-coordinator/src/adapters/household-feeds.ts";
import { RpcChangeLog } from "../../services/sync-coordinator/src/adapters/rpc-change-log.ts";
import { RpcResolver } from "../../services/sync-coordinator/src/adapters/rpc-resolver.ts";
import { CursorCodec } from "../../services/sync-coordinator/src/domain/cursor.ts";
import { FairShare } from "../../services/sync-coordinator/src/domain/fair-share.ts";
import type { DeviceRegistry, SyncTelemetry } from "../../services/sync-coordinator/src/domain/ports.ts";
import { FrameBudget } from "../../services/sync-coordinator/src/handlers/frame-budget.ts";
import { HouseholdClocks } from "../../services/sync-coordinator/src/handlers/household-clocks.ts";
import { Sessions } from "../../services/sync-coordinator/src/handlers/sessions.ts";
import type { SyncParts } from "../../services/sync-coordinator/src/handlers/sync-parts.ts";
import { syncStream } from "../../services/sync-coordinator/src/handlers/sync-stream.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedBus } from "./simulated-bus.ts";
import { callContext, type ServedStream } from "./simulated-call.ts";
import { type Hop, SimulatedProcess } from "./simulated-process.ts";
import type { SimulatedRedis } from "./simulated-redis.ts";
import type { SimulatedStore } from "./simulated-store.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A stream of a device as the coordinator sees it. */
export type DeviceStream = ServedStream<SyncStreamRequest, MessageInitShape<typeof SyncStreamResponseSchema> | Encoded>;

/** What a coordinator is made of. */
export interface SimulatedCoordinatorOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly hop: Hop;
  readonly store: SimulatedStore;
  readonly redis: SimulatedRedis;
  readonly bus: SimulatedBus;
  readonly verifyUser: (token: string) => Promise<Identity>;
  /** This machine's clock minus the true time, in microseconds. */
  readonly clockErrorUs: number;
  readonly onProblem: (text: string) => void;
}

const log = silentLogger();
const NEVER = new AbortController().signal;

const NO_TELEMETRY: SyncTelemetry = {
  sessionOpened() {},
  sessionClosed() {},
  pushSettled() {},
  pushRefused() {},
  framesSent() {},
  noChangeSync() {},
  clockCompared() {},
  logRead() {},
  degraded() {},
};

/** One replica of sync-coordinator: the real handlers, feeds and commit stream over simulated servers. */
export class SimulatedCoordinator {
  readonly process: SimulatedProcess;
  readonly #parts: SyncParts;
  readonly #options: SimulatedCoordinatorOptions;
  readonly #streams = new Set<DeviceStream>();

  constructor(options: SimulatedCoordinatorOptions) {
    const { time, random, hop, store, redis, bus, verifyUser, clockErrorUs } = options;
    this.#options = options;
    const process = new SimulatedProcess(time);
    this.process = process;
    const clock: Clock = { now: () => time.now() + clockErrorUs };
    const events = bus.client(process, hop);
    const changeLog = new RpcChangeLog(store.client(process), log);
    process.onKill(() => void changeLog[Symbol.asyncDispose]());
    const liveClocks = new EventfulClocks(process.guard(redis, hop));
    events.onEveryCommit((event) => void liveClocks.committed(event));
    const feeds = new SharedHouseholdFeeds({
      events,
      readLog: (query) => changeLog.read(query),
      clocks: liveClocks,
      telemetry: NO_TELEMETRY,
      log,
    });
    process.onKill(() => void feeds[Symbol.asyncDispose]());
    const sessions = new Sessions({ maxStreams: 1_000, random: random.next });
    process.onKill(() => sessions[Symbol.dispose]());
    this.#parts = {
      changeLog,
      resolver: process.guard(resolver, hop),
      registry: process.guard(registryOf(store), hop),
      leases: process.guard(redis, hop),
      liveClocks,
      householdClocks: new HouseholdClocks(liveClocks, changeLog),
      rateLimits: process.guard(redis, hop),
      fairShare: new FairShare({ changesAlone: 2 }),
      presence: process.guard(redis, hop),
      bindings: process.guard(redis, hop),
      announcements: events,
      feeds,
      sessions,
      frameBudget: new FrameBudget(64 * 1024 * 1024),
      cursors: new CursorCodec(authenticate),
      verifier: { verifyUser },
      telemetry: NO_TELEMETRY,
      clock,
      random: random.next,
      log,
    };
  }

  /** SyncStream. Resolves when the call ends; never when the process dies before. */
  async serve(stream: DeviceStream, token: string): Promise<void> {
    const identity = await this.#options.verifyUser(token);
    this.#streams.add(stream);
    const call = callContext({ method: "SyncService/SyncStream", identity, token, signal: stream.signal });
    try {
      await syncStream(stream, call, this.#parts);
    } catch (error) {
      if (!(error instanceof DomainError)) this.#options.onProblem(`the coordinator failed: ${String(error)}`);
      else if (error.kind === "internal") this.#options.onProblem(`the coordinator failed: ${error.message}`);
      throw error;
    } finally {
      this.#streams.delete(stream);
    }
  }

  /** Says good-bye to everybody. Resolves when all have gone. */
  async drain(): Promise<void> {
    for (const stream of this.#streams) stream.drain();
    while (this.#streams.size > 0) await this.#options.time.sleep(50);
  }
}

const decide = resolveHandler(() => {});

/** The real rules, behind their wire. */
const resolver = new RpcResolver({
  resolve: async (request) => {
    const call = callContext({ method: "ResolverService/Resolve", signal: NEVER });
    return create(ResolveResponseSchema, await decide(create(ResolveRequestSchema, request), call));
  },
});

/** As in the composition root. */
function authenticate(bytes: Uint8Array): Uint8Array {
  return createHmac("sha256", "the secret of all replicas").update(bytes).digest();
}

function registryOf(store: SimulatedStore): DeviceRegistry {
  return {
    async openSession({ household, device }, { user, sessionKey, rotateKey, client }) {
      const opening = { household, device, user, sessionKey, rotateKey, ...client };
      const { sessionKey: key, forked, device: record } = store.registry.openSession(opening);
      return { sessionKey: key, forked, record };
    },
    async acknowledge({ device }, seq, epoch) {
      store.registry.acknowledge(device, seq, epoch);
    },
    async list() {
      return [];
    },
    async forget() {},
  };
}
