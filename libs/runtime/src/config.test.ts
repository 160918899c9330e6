import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  ConfigurationError,
  type ConfigurationProblem,
  flagVariable,
  integerVariable,
  listVariable,
  parseConfig,
  portVariable,
  runtimeConfig,
  runtimeVariables,
  secretVariable,
  textVariable,
  urlVariable,
} from "./config.ts";

const schema = z.object({
  PORT: portVariable(4401),
  LIMIT: integerVariable({ min: 1, max: 10 }),
  DATABASE_URL: urlVariable(["postgres", "postgresql"]),
  TOKEN_SECRET: secretVariable(),
  HOSTS: listVariable(),
  REFLECTION: flagVariable(false),
  NAME: textVariable("funky"),
});

const good = { LIMIT: "3", DATABASE_URL: "postgres://db/x", TOKEN_SECRET: "s".repeat(32) };

function problemsOf(read: () => unknown): readonly ConfigurationProblem[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  throw new Error("expected a ConfigurationError");
}

describe("parseConfig", () => {
  it("reads what is there and fills in defaults", () => {
    expect(parseConfig(schema, { ...good, HOSTS: "a:1, b ,,", REFLECTION: "true", UNRELATED: "x" })).toEqual({
      PORT: 4401,
      LIMIT: 3,
      DATABASE_URL: "postgres://db/x",
      TOKEN_SECRET: "s".repeat(32),
      HOSTS: ["a:1", "b"],
      REFLECTION: true,
      NAME: "funky",
    });
  });

  it("reports every problem at once, without showing a value", () => {
    const problems = problemsOf(() =>
      parseConfig(
        schema,
        {
          PORT: "80x",
          LIMIT: "11",
          DATABASE_URL: "mysql://hunter2@db",
          TOKEN_SECRET: "hunter2",
          HOSTS: "*",
          REFLECTION: "yes",
        },
        [() => [{ variable: "PORT", problem: "is odd" }]],
      ),
    );
    expect(problems).toEqual([
      { variable: "PORT", problem: "must be a whole number from 0 to 65535" },
      { variable: "LIMIT", problem: "must be a whole number from 1 to 10" },
      { variable: "DATABASE_URL", problem: "must be a URL starting with postgres:// or postgresql://" },
      { variable: "TOKEN_SECRET", problem: "must have at least 32 characters" },
      { variable: "HOSTS", problem: "must list its entries; * is not allowed" },
      { variable: "REFLECTION", problem: "must be true or false" },
      { variable: "PORT", problem: "is odd" },
    ]);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  it("takes an empty variable for one that is not set", () => {
    expect(problemsOf(() => parseConfig(schema, { ...good, LIMIT: " ", PORT: "" }))).toEqual([
      { variable: "LIMIT", problem: "is required" },
    ]);
  });

  it.each(["65536", "-1", "1.5", "0x10", "1e3", "٣"])("refuses the port %s", (port) => {
    expect(problemsOf(() => parseConfig(schema, { ...good, PORT: port }))).toHaveLength(1);
  });

  it("names what every service configures alike", () => {
    const variables = parseConfig(z.object(runtimeVariables), { NODE_ENV: "production", LOG_LEVEL: "warn" });
    expect(runtimeConfig(variables)).toEqual({
      production: true,
      logLevel: "warn",
      logFile: undefined,
      otlpEndpoint: undefined,
    });
  });
});
