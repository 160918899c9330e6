import { setFlagsFromString } from "node:v8";
import { type Clock, systemClock } from "@funkygibbon/kernel/clock";
import { ConfigurationError, type Environment, type RuntimeConfig } from "./config.ts";
import { Health } from "./health.ts";
import { startIdleCollection } from "./idle-collection.ts";
import { createLogger, type Logger } from "./log.ts";
import { startTelemetry, type Telemetry } from "./telemetry.ts";

/** What a service is given to live in. Tests build their own and call `start` without {@link runService}. */
export interface ServiceContext {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly health: Health;
  readonly clock: Clock;
  /** Aborts when the service shall stop: start-up work gives up, background work ends. */
  readonly signal: AbortSignal;
}

/** A service that runs. Disposing stops it at once; `drain` first lets it finish what it has begun. */
export interface RunningService extends AsyncDisposable {
  drain?(): Promise<void>;
}

/** What {@link runService} runs. */
export interface ServiceDefinition<Config> {
  readonly name: string;
  /** Pure: environment to config. Throws ConfigurationError with every problem. */
  configure(environment: Environment): Config & { readonly runtime: RuntimeConfig };
  /** Opens everything and returns when calls can be answered. Whatever was opened is closed again when it throws. */
  start(config: Config & { readonly runtime: RuntimeConfig }, context: ServiceContext): Promise<RunningService>;
  readonly version?: string;
  /** How long draining and disposing together may take. Default 10000. */
  readonly drainMs?: number;
}

/** The process as far as {@link runService} touches it; replaced in tests. */
export interface Host {
  readonly environment: Environment;
  onSignal(listener: (name: string) => void): void;
  onFault(listener: (error: unknown, kind: string) => void): void;
  writeError(text: string): void;
  exit(code: number): void;
}

/**
 * The whole of a service's main: configures, starts, waits for SIGTERM or SIGINT, drains, disposes, exits.
 * Exit codes: 0 stopped when asked; 1 wrong configuration, failed start, crash, or a drain that did not end in time.
 * A second signal exits at once with 1.
 */
export async function runService<Config>(
  definition: ServiceDefinition<Config>,
  host: Host = processHost(),
): Promise<void> {
  const config = configureOrExplain(definition, host);
  if (config === undefined) return host.exit(1);

  const { logLevel, logFile, otlpEndpoint } = config.runtime;
  const log = await createLogger({ service: definition.name, level: logLevel, file: logFile }).catch(
    (error: unknown) => {
      host.writeError(`${definition.name} cannot start; its log file ${logFile} cannot be written: ${String(error)}\n`);
      return undefined;
    },
  );
  if (log === undefined) return host.exit(1);
  const identity = { service: definition.name, version: definition.version ?? "0.0.0" };
  const tracing =
    otlpEndpoint === undefined ? undefined : (await import("./tracing.ts")).startTracing({ ...identity, otlpEndpoint });
  const telemetry = startTelemetry({ ...identity, tracing });
  const health = new Health();
  const stopping = new AbortController();
  const { promise: stop, resolve: requestStop } = Promise.withResolvers<0 | 1>();

  host.onSignal((name) => {
    if (stopping.signal.aborted) {
      log.warn({ signal: name }, "service.stop-forced");
      return host.exit(1);
    }
    log.info({ signal: name }, "service.stopping");
    stopping.abort(new Error(`stopped by ${name}`));
    requestStop(0);
  });
  host.onFault((error, kind) => {
    log.fatal({ err: error, kind }, "service.crashed");
    stopping.abort(error);
    requestStop(1);
  });

  const drainMs = definition.drainMs ?? 10_000;
  const context: ServiceContext = { log, telemetry, health, clock: systemClock, signal: stopping.signal };
  const started = definition.start(config, context).catch((error: unknown) => {
    // A stop during the start makes the start fail; that is no fault.
    if (!stopping.signal.aborted) log.fatal({ err: error }, "service.start-failed");
    return undefined;
  });
  const service = await Promise.race([started, stop.then(() => withinTime(started, drainMs, undefined))]);
  if (service === undefined) {
    const code = stopping.signal.aborted ? await stop : 1;
    await telemetry[Symbol.asyncDispose]();
    return host.exit(code);
  }
  health.markServing();
  log.info({ version: definition.version }, "service.started");

  const code = await stop;
  const clean = await windDown({ service, health, telemetry, log, drainMs });
  log.info({ clean }, "service.stopped");
  host.exit(clean ? code : 1);
}

function configureOrExplain<Config>(definition: ServiceDefinition<Config>, host: Host) {
  try {
    return definition.configure(host.environment);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const lines = error.problems.map(({ variable, problem }) => `  ${variable} ${problem}`);
    host.writeError(`${definition.name} cannot start; its configuration has these problems:\n${lines.join("\n")}\n`);
    return undefined;
  }
}

interface WindDown {
  readonly service: RunningService;
  readonly health: Health;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly drainMs: number;
}

/** True when everything ended by itself in time. */
async function windDown({ service, health, telemetry, log, drainMs }: WindDown): Promise<boolean> {
  health.markDraining();
  const ended = (async () => {
    await service.drain?.();
    await service[Symbol.asyncDispose]();
    await telemetry[Symbol.asyncDispose]();
    return true;
  })().catch((error: unknown) => {
    log.error({ err: error }, "service.stop-failed");
    return false;
  });
  const inTime = await withinTime(ended, drainMs, undefined);
  if (inTime !== undefined) return inTime;
  log.error({ drainMs }, "service.drain-timed-out");
  return false;
}

async function withinTime<T, Late>(work: Promise<T>, timeMs: number, late: Late): Promise<T | Late> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<Late>((resolve) => {
    timer = setTimeout(resolve, timeMs, late);
  });
  return Promise.race([work, over]).finally(() => clearTimeout(timer));
}

function processHost(): Host {
  createObjectsYoung();
  startIdleCollection();
  return {
    environment: process.env,
    onSignal(listener) {
      process.on("SIGTERM", listener);
      process.on("SIGINT", listener);
    },
    onFault(listener) {
      process.on("uncaughtException", (error) => listener(error, "uncaughtException"));
      process.on("unhandledRejection", (reason) => listener(reason, "unhandledRejection"));
    },
    writeError: (text) => process.stderr.write(text),
    exit: (code) => process.exit(code),
  };
}

/**
 * When V8 has seen objects of a large message outlive a collection, it creates such objects old from then on. There they
 * stay as garbage until a full collection, and with them all that they point to. The objects of a call die with its answer,
 * so they are created young: in pairs of runs, 1,000 divergences were decided in a fifth less time, and a push of 10,000
 * committed in a tenth less.
 */
function createObjectsYoung(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
