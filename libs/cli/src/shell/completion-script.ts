import { ENTITY_TYPES } from "@funkygibbon/kernel/entity-type";
import { RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import type { CommandSpec } from "../command.ts";
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
  const words = new Map<string, readonly string[]>([["", firstWords(commands)]]);
  for (const [first, group] of Map.groupBy(commands, ({ name }) => name.split(" ")[0] ?? "")) {
    const seconds = group.flatMap(({ name }) => name.split(" ").slice(1));
    if (seconds.length > 0) words.set(first, seconds);
  }
  for (const command of commands) words.set(command.name, [...flagsOf(command), ...valuesOf(command)]);
  return words;
}

function firstWords(commands: readonly CommandSpec[]): readonly string[] {
  return [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
}

function flagsOf({ options = [] }: CommandSpec): readonly string[] {
  return [...options, ...COMMON_OPTIONS].flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? []);
}

/** Words that an argument or an option of this command takes. */
function valuesOf({ name, options = [] }: CommandSpec): readonly string[] {
  const choices = options.flatMap((option) => option.choices ?? []);
  if (name === "completion") return SHELLS;
  if (name === "link" || name === "path") return RELATIONSHIP_TYPES;
  return name === "create" || name === "ls" || name === "search" ? [...choices, ...ENTITY_TYPES] : choices;
}

/** A branch for each path of words, as `case` of both shells has it. */
function branches(words: ReadonlyMap<string, readonly string[]>, then: (following: string) => string): string {
  return [...words].map(([path, following]) => `    "${path}") ${then(following.join(" "))} ;;`).join("\n");
}

function bashScript(words: ReadonlyMap<string, readonly string[]>): string {
  return `# gibbon completion
_gibbon() {
  local current="\${COMP_WORDS[COMP_CWORD]}" seen="" word follow=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) case "$seen" in "") seen="$word" ;; conflicts) seen="$seen $word" ;; esac ;; esac
  done
  case "$seen" in
${branches(words, (following) => `follow="${following}"`)}
  esac
  COMPREPLY=($(compgen -W "$follow" -- "$current"))
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _gibbon gibbon
`;
}

function zshScript(words: ReadonlyMap<string, readonly string[]>): string {
  return `#compdef gibbon
_gibbon() {
  local seen="" word
  local -a follow
  for word in \${words[2,CURRENT-1]}; do
    case "$word" in -*) ;; *) case "$seen" in "") seen="$word" ;; conflicts) seen="$seen $word" ;; esac ;; esac
  done
  case "$seen" in
${branches(words, (following) => `follow=(${following})`)}
  esac
  compadd -- $follow || _files
}
compdef _gibbon gibbon
`;
}

function fishScript(commands: readonly CommandSpec[]): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap((command) => {
    const [first = "", second] = command.name.split(" ");
    const at =
      second === undefined
        ? `__fish_seen_subcommand_from ${first}`
        : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    const before =
      second === undefined
        ? "__fish_use_subcommand"
        : `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${second}`;
    return [
      `complete -c gibbon -f -n ${quoted(before)} -a ${second ?? first} -d ${quoted(command.summary)}`,
      ...flagsOf(command).map((flag) => `complete -c gibbon -n ${quoted(at)} -l ${flag.slice(2)}`),
      ...valuesOf(command).map((value) => `complete -c gibbon -n ${quoted(at)} -a ${value}`),
    ];
  });
  return `# gibbon completion\ncomplete -c gibbon -f -n __fish_use_subcommand -a conflicts -d 'the inbox'\n${lines.join("\n")}\n`;
}
