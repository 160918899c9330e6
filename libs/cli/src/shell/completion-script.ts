import { ENTITY_TYPES } from "@funkygibbon/kernel/entity-type";
import { RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import type { CommandSpec, OptionSpec } from "../command.ts";
import { COMMON_OPTIONS } from "../common-options.ts";
import { usageError } from "../usage-error.ts";

/** The shells that can be completed. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The script for a shell. @throws DomainError (usage) for another shell. */
export function completionScript(shell: Shell, commands: readonly CommandSpec[]): string {
  const words = completionsOf(commands);
  switch (shell) {
    case "bash":
      return bashScript(words);
    case "zsh":
      return zshScript(words);
    case "fish":
      return fishScript(commands);
    default:
      throw usageError(`${String(shell)} is none of ${SHELLS.join(", ")}`);
  }
}

/** What may follow which words: `""` for the first. */
function completionsOf(commands: readonly CommandSpec[]): ReadonlyMap<string, readonly string[]> {
  const common = longFlagsOf(COMMON_OPTIONS);
  const words = new Map<string, readonly string[]>([["", [...firstWords(commands), ...common]]]);
  for (const [first, group] of Map.groupBy(commands, ({ name }) => name.split(" ")[0] ?? "")) {
    const seconds = group.flatMap(({ name }) => name.split(" ").slice(1));
    if (seconds.length > 0) words.set(first, [...seconds, ...common]);
  }
  for (const command of commands) {
    const { options = [] } = command;
    const choices = options.flatMap((option) => choicesOf(command, option));
    const values = new Set([...choices, ...argumentsOf(command)]);
    words.set(command.name, [...longFlagsOf(options), ...common, ...values]);
  }
  return words;
}

function firstWords(commands: readonly CommandSpec[]): readonly string[] {
  return [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
}

function longFlagsOf(options: readonly OptionSpec[]): readonly string[] {
  return options.flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? []);
}

/** Words that an argument of this command takes. */
function argumentsOf({ name }: CommandSpec): readonly string[] {
  if (name === "completion") return SHELLS;
  if (name === "link") return RELATIONSHIP_TYPES;
  return name === "create" || name === "policies" ? ENTITY_TYPES : [];
}

/** Words that an option of this command takes. */
function choicesOf({ name }: CommandSpec, { flags, choices = [] }: OptionSpec): readonly string[] {
  if (!flags.includes("--type")) return choices;
  return name === "path" ? RELATIONSHIP_TYPES : ENTITY_TYPES;
}

/** The options of every command that take a value, which is not the name of the command behind it. */
const WITH_VALUE = longFlagsOf(COMMON_OPTIONS.filter(({ flags }) => flags.includes("<")));

/** A branch for each path of words, as `case` of both shells has it. */
function branches(words: ReadonlyMap<string, readonly string[]>, then: (following: string) => string): string {
  return [...words].map(([path, following]) => `    "${path}") ${then(following.join(" "))} ;;`).join("\n");
}

/** Finds which command was typed, as bash and zsh read it: `seen` of the words so far. */
const FIND_COMMAND = `    if [ -n "$skip" ]; then skip=""; continue; fi
    case "$word" in
      ${WITH_VALUE.join("|")}) skip=yes ;;
      -*) ;;
      *) case "$seen" in "") seen="$word" ;; conflicts) seen="$seen $word" ;; esac ;;
    esac`;

function bashScript(words: ReadonlyMap<string, readonly string[]>): string {
  return `# gibbon completion
_gibbon() {
  local current="\${COMP_WORDS[COMP_CWORD]}" seen="" word skip="" follow=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${FIND_COMMAND}
  done
  case "$seen" in
${branches(words, (following) => `follow="${following}"`)}
  esac
  COMPREPLY=($(compgen -W "$follow" -- "$current"))
}
complete -o default -F _gibbon gibbon
`;
}

/** Works in ~/.zshrc before compinit was called, and as the file _gibbon of a folder in fpath. */
function zshScript(words: ReadonlyMap<string, readonly string[]>): string {
  return `#compdef gibbon
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_gibbon() {
  local seen="" word skip=""
  local -a follow
  for word in \${words[2,CURRENT-1]}; do
${FIND_COMMAND}
  done
  case "$seen" in
${branches(words, (following) => `follow=(${following})`)}
  esac
  compadd -- $follow || _files
}
if [[ "\${funcstack[1]}" == _gibbon ]]; then _gibbon "$@"; else compdef _gibbon gibbon; fi
`;
}

function fishScript(commands: readonly CommandSpec[]): string {
  const groups = new Set(
    commands.map(({ name }) => name.split(" ")).flatMap(([first = "", ...more]) => (more.length > 0 ? first : [])),
  );
  const lines = [
    ...[...groups].map((group) => fishLine("", `-a ${group} -d 'the inbox'`)),
    ...["", ...groups].flatMap((path) => COMMON_OPTIONS.map((option) => fishLine(path, fishOption(option, [])))),
    ...commands.flatMap((command) => {
      const { name, summary, options = [], arguments: args = [] } = command;
      const words = name.split(" ");
      const values = argumentsOf(command);
      return [
        fishLine(words.slice(0, -1).join(" "), `-a ${words.at(-1) ?? ""} -d ${quoted(summary)}`),
        ...(args.some((argument) => argument.name.includes("file")) ? [fishLine(name, "-F")] : []),
        ...(values.length === 0 ? [] : [fishLine(name, `-a ${quoted(values.join(" "))}`)]),
        ...[...options, ...COMMON_OPTIONS].map((option) =>
          fishLine(name, fishOption(option, choicesOf(command, option))),
        ),
      ];
    }),
  ];
  return `# gibbon completion
function __gibbon_at -d 'whether these words, without options, were typed so far'
  set -l seen
  set -l skip
  for word in (commandline -opc)
    if test -n "$skip"
      set skip
    else if contains -- $word ${WITH_VALUE.join(" ")}
      set skip yes
    else if not string match -q -- '-*' $word
      if test (count $seen) -lt 2; or test "$seen[2]" = conflicts -a (count $seen) -lt 3
        set -a seen $word
      end
    end
  end
  test "$seen[2..]" = "$argv"
end
complete -c gibbon -f
${lines.join("\n")}
`;
}

/** A completion where exactly this command was typed; `""`: none yet. */
function fishLine(path: string, what: string): string {
  return `complete -c gibbon -n ${quoted(`__gibbon_at ${path}`.trim())} ${what}`;
}

/** An option of fish: what it takes is one of its choices, a file, or anything. */
function fishOption({ flags, help }: OptionSpec, choices: readonly string[]): string {
  const short = /^-(\w)\b/.exec(flags)?.[1];
  const [, long, value] = /--([\w-]+)(?: <([\w=]+)>)?/.exec(flags) ?? [];
  const takes =
    value === undefined
      ? ""
      : value === "file"
        ? " -r -F"
        : choices.length === 0
          ? " -x"
          : ` -x -a ${quoted(choices.join(" "))}`;
  return `${short === undefined ? "" : `-s ${short} `}-l ${long}${takes} -d ${quoted(help)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
