import { z } from "zod";

/** The environment as the process was given it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One variable that is wrong, and why. */
export interface ConfigurationProblem {
  readonly variable: string;
  readonly problem: string;
}

/** Refuses a start: lists every variable that is wrong, not only the first. Never shows a value, which may be a secret. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(({ variable, problem }) => `${variable}: ${problem}`).join("\n"));
    this.problems = problems;
  }
}

/**
 * A rule over several variables, for example "exactly one of A and B". Sees the raw environment (empty strings removed),
 * so it is checked even when single variables are wrong.
 */
export type ConfigurationRule = (environment: Environment) => readonly ConfigurationProblem[];

/**
 * Reads the variables that `schema` (an object keyed by variable name) asks for. An empty string counts as not set.
 * @throws ConfigurationError with every problem of every variable and rule.
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
  rules: readonly ConfigurationRule[] = [],
): z.output<Schema> {
  const present = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  const result = schema.safeParse(present);
  const problems = [
    ...(result.success ? [] : result.error.issues.map(describeIssue(present))),
    ...rules.flatMap((rule) => rule(present)),
  ];
  if (problems.length > 0 || !result.success) throw new ConfigurationError(problems);
  return result.data;
}

function describeIssue(present: Environment) {
  return (issue: z.core.$ZodIssue): ConfigurationProblem => {
    const variable = String(issue.path[0] ?? "environment");
    return { variable, problem: variable in present ? issue.message : "is required" };
  };
}

/** A TCP port, 0 (any free one) to 65535. */
export function portVariable(fallback?: number) {
  return withFallback(wholeNumber(0, 65_535), fallback);
}

/** A whole number between `min` and `max`. */
export function integerVariable(range: { min: number; max: number }, fallback?: number) {
  return withFallback(wholeNumber(range.min, range.max), fallback);
}

/** An absolute URL with one of these schemes, for example `["postgres", "postgresql"]`. */
export function urlVariable(schemes: readonly string[]) {
  const message = `must be a URL starting with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`;
  return z.string().refine((text) => {
    const url = URL.parse(text);
    return url !== null && schemes.includes(url.protocol.slice(0, -1));
  }, message);
}

/** A secret of at least `minLength` characters (default 32). Deliberately without a default value. */
export function secretVariable(minLength = 32) {
  return z.string().min(minLength, `must have at least ${minLength} characters`);
}

/** A comma-separated list; blanks around entries and empty entries are dropped. `*` is refused: lists are explicit. */
export function listVariable() {
  return z
    .string()
    .default("")
    .transform((text) =>
      text
        .split(",")
        .map((entry) => entry.trim())
        .filter((entry) => entry !== ""),
    )
    .refine((entries) => !entries.some((entry) => entry.includes("*")), "must list its entries; * is not allowed");
}

/** `true` or `false`, nothing else. */
export function flagVariable(fallback?: boolean) {
  const flag = z.enum(["true", "false"], "must be true or false").transform((text) => text === "true");
  return fallback === undefined ? flag : flag.default(fallback);
}

/** Any text that is not empty. */
export function textVariable(fallback?: string) {
  const text = z.string();
  return fallback === undefined ? text : text.default(fallback);
}

/** The levels of LOG_LEVEL, most severe first. */
export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What {@link runtimeConfig} reads; spread it into a service's own variables. */
export const runtimeVariables = {
  NODE_ENV: z.string().optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`).default("info"),
  LOG_FILE: z.string().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: urlVariable(["http", "https"]).optional(),
};

/** What every service configures alike. */
export interface RuntimeConfig {
  readonly production: boolean;
  readonly logLevel: LogLevel;
  /** Where logs are written besides stdout, rotating; undefined for stdout alone. */
  readonly logFile: string | undefined;
  /** Base URL of an OTLP/HTTP collector, for example `http://localhost:4318`; undefined for no traces. */
  readonly otlpEndpoint: string | undefined;
}

/** Names the parsed {@link runtimeVariables}. */
export function runtimeConfig(variables: z.output<z.ZodObject<typeof runtimeVariables>>): RuntimeConfig {
  return {
    production: variables.NODE_ENV === "production",
    logLevel: variables.LOG_LEVEL,
    logFile: variables.LOG_FILE,
    otlpEndpoint: variables.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}

function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

function withFallback(schema: ReturnType<typeof wholeNumber>, fallback: number | undefined) {
  return fallback === undefined ? schema : schema.default(fallback);
}
