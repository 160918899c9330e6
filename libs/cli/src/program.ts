import { type Argument, Command, CommanderError, Option } from "commander";
import type { CommandSpec, OptionSpec } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { COMMON_OPTIONS } from "./common-options.ts";
import { Input } from "./input.ts";
import { GIBBON_VERSION } from "./version.ts";

/** What was asked for. */
export interface Call {
  readonly command: CommandSpec;
  readonly input: Input;
  /** Those of {@link COMMON_OPTIONS} that were given. */
  readonly common: {
    readonly json: boolean;
    readonly offline: boolean;
    readonly profile: string | undefined;
    readonly color: boolean;
  };
}

/** How commander ended before any command was called: a help, a version, or a fault in what was typed. */
export interface Refusal {
  /** 0 for a help that was asked for. */
  readonly exitCode: 0 | 2;
  /** What was wrong, on one line; empty for a help. */
  readonly message: string;
}

/** Where helps and faults are written. */
export interface HelpOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Columns; undefined: 80. */
  readonly width?: number | undefined;
}

const DESCRIPTION =
  "Your home's knowledge graph, from the command line. Reads work offline; edits are sent when there is a connection.";

const NO_COMMAND = "no command was given: --help lists them";

/** Reads a command line. */
export function readCall(words: readonly string[], output: HelpOutput): Call | Refusal {
  let call: Call | undefined;
  const program = buildProgram(output, (one) => {
    call = one;
  });
  try {
    program.parse([...words], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { exitCode: 0, message: "" };
    const message = error.message.replace(/^error: /, "").replaceAll(/\s+/g, " ");
    // A help that nobody has asked for, after half a command or none.
    return { exitCode: 2, message: error.code === "commander.help" ? NO_COMMAND : message };
  }
  return call ?? { exitCode: 2, message: NO_COMMAND };
}

function buildProgram(output: HelpOutput, called: (call: Call) => void): Command {
  const program = configured(new Command("gibbon"), output).description(DESCRIPTION).version(GIBBON_VERSION);
  // Without positions the program would take --version of restore for its own.
  withCommonOptions(program).enablePositionalOptions();
  const groups = new Map<string, Command>();
  for (const spec of COMMANDS) {
    const [first = "", second] = spec.name.split(" ");
    if (second === undefined) {
      addCommand(program, first, spec, { output, called });
      continue;
    }
    let group = groups.get(first);
    if (group === undefined) {
      group = withCommonOptions(configured(program.command(first), output));
      groups.set(first, group.description("the inbox of contradicting edits"));
    }
    addCommand(group, second, spec, { output, called });
  }
  program.addHelpText("after", "\nTry first:\n  gibbon login\n  gibbon import my-home.json\n  gibbon tree");
  return program;
}

function addCommand(
  parent: Command,
  name: string,
  spec: CommandSpec,
  { output, called }: { readonly output: HelpOutput; readonly called: (call: Call) => void },
): void {
  const command = configured(parent.command(name), output).summary(spec.summary);
  command.description(spec.details === undefined ? spec.summary : `${spec.summary}\n\n${spec.details}`);
  for (const argument of spec.arguments ?? []) command.argument(argument.name, argument.help);
  for (const option of spec.options ?? []) command.addOption(optionOf(option));
  withCommonOptions(command);
  command.addHelpText("after", `\nExamples:\n${spec.examples.map(exampleText).join("\n")}`);
  command.action(() => {
    called({ command: spec, input: new Input(command.processedArgs, command.opts()), common: commonOf(command) });
  });
}

function withCommonOptions(command: Command): Command {
  for (const option of COMMON_OPTIONS) command.addOption(optionOf(option));
  return command;
}

/** People say them after the command as well as before it. */
function commonOf(command: Command): Call["common"] {
  const said: Record<string, unknown>[] = [];
  for (let one: Command | null = command; one !== null; one = one.parent) said.push(one.opts());
  const profile = said.find((options) => typeof options.profile === "string")?.profile;
  return {
    json: said.some(({ json }) => json === true),
    offline: said.some(({ offline }) => offline === true),
    profile: typeof profile === "string" ? profile : undefined,
    color: said.every(({ color }) => color !== false),
  };
}

function optionOf({ flags, help, repeatable, choices }: OptionSpec): Option {
  const option = new Option(flags, help);
  if (choices !== undefined) option.choices(choices);
  if (repeatable) option.argParser((value: string, before: readonly string[] = []) => [...before, value]);
  return option;
}

function exampleText({ command, says }: CommandSpec["examples"][number]): string {
  return `  ${command}\n      ${says}`;
}

function argumentText(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function configured(command: Command, { out, error, width }: HelpOutput): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(--help says more)")
    .configureHelp({
      subcommandTerm: (one) => [one.name(), ...one.registeredArguments.map(argumentText)].join(" "),
    })
    .configureOutput({
      writeOut: out,
      writeErr: error,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      ...(width === undefined ? {} : { getOutHelpWidth: () => width, getErrHelpWidth: () => width }),
    });
}
