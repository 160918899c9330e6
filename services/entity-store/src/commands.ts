import { migrate } from "@funkygibbon/postgres/migrations";
import { ConfigurationError, type Environment } from "@funkygibbon/runtime/config";
import { renewEpochs } from "./adapters/renew-epochs.ts";
import { backupCommand } from "./commands/backup.ts";
import { type Command, runWith, type Terminal } from "./commands/command.ts";
import { exportCommand } from "./commands/export.ts";
import { importCommand } from "./commands/import.ts";
import { restoreCommand } from "./commands/restore.ts";
import { retentionCommand } from "./commands/retention.ts";
import { MIGRATIONS } from "./service.ts";

/** What `entity-store` does instead of serving, by name. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  migrate: {
    summary: "brings the schema up to the code",
    options: {},
    async run({ databaseUrl, log }) {
      const { version, applied } = await migrate({ url: databaseUrl, directory: MIGRATIONS, log });
      log.info({ version, applied: applied.length }, "schema.ready");
    },
  },
  "new-epoch": {
    summary: "begins a new epoch of every household, after a restore by hand",
    options: {},
    async run({ databaseUrl, log }) {
      log.info({ households: await renewEpochs(databaseUrl) }, "epochs.renewed");
    },
  },
  export: exportCommand,
  import: importCommand,
  backup: backupCommand,
  restore: restoreCommand,
  retention: retentionCommand,
};

/** Runs a command. Resolves with the exit code: 0 done, 1 failed, and why on stderr. */
export async function runCommand(
  [name = "", ...args]: readonly string[],
  surroundings: { readonly environment: Environment; readonly terminal: Terminal },
): Promise<0 | 1> {
  const { stdout, stderr } = surroundings.terminal;
  if (name === "--help" || name === "help") {
    stdout.write(overview());
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    stderr.write(`entity-store knows no command ${name}; it knows ${Object.keys(COMMANDS).join(", ")}\n`);
    return 1;
  }
  try {
    await runWith(name, command, args, surroundings);
    return 0;
  } catch (error) {
    const reason = error instanceof ConfigurationError ? `\n${error.message}` : describe(error);
    stderr.write(`entity-store ${name} failed: ${reason}\n`);
    return 1;
  }
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}\n`);
  return `entity-store without a command serves. Commands, all of which need DATABASE_URL:\n\n${rows.join("")}\nentity-store <command> --help tells more.\n`;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
