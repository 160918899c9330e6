import type { Readable, Writable } from "node:stream";
import { parseArgs } from "node:util";
import { invalid } from "@funkygibbon/kernel/errors";
import type { Environment } from "@funkygibbon/runtime/config";
import { createLogger, type Logger } from "@funkygibbon/runtime/log";
import { configureCommand } from "../config.ts";

/** Where a command reads and writes. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** What a command works with. */
export interface CommandContext {
  readonly databaseUrl: string;
  /** The role that reads and writes one household, bound by row level security. */
  readonly role: string;
  /** Says what was done, on stderr: stdout may be the result. */
  readonly log: Logger;
  readonly terminal: Terminal;
  /** Options by name: texts, or true for those that stand alone. */
  readonly options: Readonly<Record<string, string | true | undefined>>;
}

/** What `entity-store` does instead of serving. */
export interface Command {
  /** What it does, in one line. */
  readonly summary: string;
  /** What else there is to know; part of `--help`. */
  readonly details?: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  run(context: CommandContext): Promise<void>;
}

/** One `--option`. */
export interface CommandOption {
  readonly summary: string;
  /** What stands for its value in `--help`; absent: the option stands alone. */
  readonly value?: string;
  readonly required?: true;
}

/** Reads arguments and environment and runs the command. @throws DomainError `invalid`, ConfigurationError, whatever the command throws. */
export async function runWith(
  name: string,
  command: Command,
  args: readonly string[],
  { environment, terminal }: { readonly environment: Environment; readonly terminal: Terminal },
): Promise<void> {
  const options = parseOptions(command, args);
  if (options.help === true) {
    terminal.stdout.write(helpOf(name, command));
    return;
  }
  const { databaseUrl, databaseRole, logLevel } = configureCommand(environment);
  const log = await createLogger({
    service: `entity-store-${name}`,
    level: logLevel,
    destination: command.options.out === undefined ? terminal.stdout : terminal.stderr,
  });
  await command.run({ databaseUrl, role: databaseRole, log, terminal, options });
}

/** An option that the command requires. */
export function requiredOption(context: CommandContext, name: string): string {
  const value = context.options[name];
  if (typeof value !== "string") throw invalid([{ field: `--${name}`, description: "is required" }]);
  return value;
}

/** An option with a value, if it was given. */
export function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.options[name];
  return typeof value === "string" ? value : undefined;
}

/** The help of one command. */
export function helpOf(name: string, command: Command): string {
  const rows = Object.entries({ ...command.options, ...HELP }).map(([option, { value, summary, required }]) => {
    const left = `--${option}${value === undefined ? "" : ` ${value}`}`;
    return `  ${left.padEnd(20)} ${summary}${required === true ? " (required)" : ""}\n`;
  });
  const details = command.details === undefined ? "" : `\n${command.details}\n`;
  return `entity-store ${name}: ${command.summary}\n${details}\n${rows.join("")}`;
}

const HELP: Readonly<Record<string, CommandOption>> = { help: { summary: "this text" } };

function parseOptions(command: Command, args: readonly string[]): CommandContext["options"] {
  const known = Object.entries({ ...command.options, ...HELP });
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      options: Object.fromEntries(
        known.map(([name, { value }]) => [name, { type: value === undefined ? "boolean" : "string" } as const]),
      ),
    });
    const options = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value === false ? undefined : value]),
    ) as CommandContext["options"];
    const missing = known.find(([name, { required }]) => required === true && options[name] === undefined);
    if (missing !== undefined && options.help !== true) throw new Error(`--${missing[0]} is required`);
    return options;
  } catch (error) {
    throw invalid([{ field: "arguments", description: error instanceof Error ? error.message : String(error) }]);
  }
}
