import { migrate } from "@funkygibbon/postgres/migrations";
import { ConfigurationError, type Environment } from "@funkygibbon/runtime/config";
import { createLogger } from "@funkygibbon/runtime/log";
import { renewEpochs } from "./adapters/renew-epochs.ts";
import { configureCommand } from "./config.ts";
import { MIGRATIONS } from "./service.ts";

/** What `entity-store` does instead of serving, by name. */
export const COMMANDS: Readonly<Record<string, (environment: Environment) => Promise<void>>> = {
  /** Brings the schema up to the code. */
  async migrate(environment) {
    const { databaseUrl, logLevel } = configureCommand(environment);
    const log = await createLogger({ service: "entity-store-migrate", level: logLevel });
    const { version, applied } = await migrate({ url: databaseUrl, directory: MIGRATIONS, log });
    log.info({ version, applied: applied.length }, "schema.ready");
  },

  /** Begins a new epoch of every household, after a restore by hand. */
  async "new-epoch"(environment) {
    const { databaseUrl, logLevel } = configureCommand(environment);
    const log = await createLogger({ service: "entity-store-new-epoch", level: logLevel });
    log.info({ households: await renewEpochs(databaseUrl) }, "epochs.renewed");
  },
};

/** Runs a command. Resolves with the exit code: 0 done, 1 failed, and why on stderr. */
export async function runCommand(
  name: string,
  environment: Environment,
  explain: (text: string) => void,
): Promise<0 | 1> {
  const command = COMMANDS[name];
  if (command === undefined) {
    explain(`entity-store knows no command ${name}; it knows ${Object.keys(COMMANDS).join(", ")}\n`);
    return 1;
  }
  try {
    await command(environment);
    return 0;
  } catch (error) {
    const reason = error instanceof ConfigurationError ? `\n${error.message}` : describe(error);
    explain(`entity-store ${name} failed: ${reason}\n`);
    return 1;
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
