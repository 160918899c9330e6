import { Writable } from "node:stream";
import { type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";
import type { LogLevel } from "./config.ts";

/** Structured log: `log.info({ household, seq }, "commit.applied")`. The text is a stable event name, the fields its facts. */
export type Logger = PinoLogger;

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  readonly service: string;
  readonly level: LogLevel;
  /** Also write here, rotating daily and at 20 MB, keeping the last 7 files besides the current one. */
  readonly file?: string | undefined;
  /** Write here instead of stdout and file; for tests. */
  readonly destination?: Writable;
}

const CENSORED = [
  "authorization",
  "x-service-authorization",
  "x-actor",
  "cookie",
  "token",
  "secret",
  "password",
] as const;

/** Paths are of the first two levels: what callers put under one key (`headers`, `config`, `options`) is covered, deeper structures are not logged. */
const REDACTED_PATHS = CENSORED.flatMap((key) => [`["${key}"]`, `*["${key}"]`]);

/** One JSON object per line. Tokens and secrets under their usual names are replaced by `[redacted]`. */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED_PATHS, censor: "[redacted]" },
  };
  if (options.destination !== undefined) return pino(settings, options.destination);
  if (options.file === undefined) return pino(settings, pino.destination({ fd: 1, sync: true }));
  return pino(
    settings,
    pino.multistream([
      { level: options.level === "silent" ? "fatal" : options.level, stream: pino.destination({ fd: 1, sync: true }) },
      { level: options.level === "silent" ? "fatal" : options.level, stream: await rotatingFile(options.file) },
    ]),
  );
}

/** A logger that says nothing; for tests and tools. */
export function silentLogger(): Logger {
  return pino({ level: "silent" }, new Writable({ write: (_chunk, _encoding, done) => done() }));
}

async function rotatingFile(file: string) {
  // Loaded where it is wanted: it weighs 15 MB.
  const { default: pinoRoll } = await import("pino-roll");
  return pinoRoll({ file, frequency: "daily", size: "20m", mkdir: true, limit: { count: 7 }, sync: true });
}
