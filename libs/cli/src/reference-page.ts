import type { CommandSpec } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { COMMON_OPTIONS } from "./common-options.ts";
import { EXIT_CODES } from "./exit-code.ts";
import { MOMENT_HELP } from "./present/moment.ts";

const INTRODUCTION = `# gibbon

<!-- Written by npm run docs:cli from the commands themselves; a test keeps it fresh. -->

The home from the command line: \`npm run -s gibbon -- ls\` in this repository, \`gibbon ls\` where the packages of
\`npm run pack\` are installed. It keeps a replica on this machine, so reads work offline; edits are kept here first and
sent when there is a connection. While there is one, every command begins by catching up.

\`\`\`sh
gibbon login      # the system that npm start runs in this folder
gibbon import examples/demo/home/maple-street.json examples/demo/home/maple-street.rooms.json
gibbon tree
gibbon edit "Desk lamp" --set brightness=40
eval "$(gibbon completion bash)"
\`\`\`

## How records are named
By name, whatever the case and the accents; by \`type:name\` where several bear it (a device goes before its own accessory
and services); by id; or by four or more of the first or last digits of an id, which lists show. When nothing or more
than one is meant, gibbon says what comes closest and changes nothing.

Times are ${MOMENT_HELP}.

## For programs
\`--json\` answers with one JSON document on the output, whatever happens, and with nothing else there:

\`\`\`json
{ "ok": true, "data": { }, "notes": [] }
{ "ok": false, "error": { "kind": "not-found", "reason": "NOT_FOUND", "message": "…", "suggestions": [] }, "notes": [] }
\`\`\`

\`data\` is what the command found or did. \`error\` has the kind and the stable reason of the system's errors, \`fields\` with
what is wrong where, and \`suggestions\` (\`id\`, \`label\`) where something may have been meant. \`notes\` are sentences for a
person, such as that the server was not reached. \`sync --watch --json\` writes a document per change, one a line;
\`export\` without \`--out\` writes the file itself. A command that edits says in \`delivery\` whether the server has it
(\`synced\`) or not yet (\`queued\`).
`;

const SURROUNDINGS = `## Where things are
| what | where |
|---|---|
| profile: addresses and token, readable by you alone | \`$XDG_CONFIG_HOME/gibbon/PROFILE.json\`, \`~/.config\` by default |
| replica | \`$XDG_DATA_HOME/gibbon/PROFILE.db\`, \`~/.local/share\` by default |

One gibbon at a time works with a profile: while \`sync --watch\` runs, others are told so and end with code 6. Another
\`--profile\` is another device.

| variable | meaning |
|---|---|
| \`GIBBON_PROFILE\` | the profile unless \`--profile\` names one |
| \`FUNKYGIBBON_ENDPOINTS\` | endpoints.json of a local system, instead of the profile's file |
| \`SYNC_COORDINATOR_URL\`, \`ENTITY_STORE_URL\`, \`CONFLICT_RESOLUTION_URL\` | the addresses, instead of the profile's file |
| \`FUNKYGIBBON_TOKEN\`, \`FUNKYGIBBON_TOKEN_FILE\` | the token that goes with them |
| \`VISUAL\`, \`EDITOR\` | what \`gibbon edit\` opens |
| \`NO_COLOR\` | no colours |
`;

/** docs/cli.md, from the commands. */
export function referencePage(): string {
  return [
    INTRODUCTION,
    section("## Exit codes", [
      "| code | meaning |",
      "|---|---|",
      ...EXIT_CODES.map(({ code, meaning }) => `| ${code} | ${meaning} |`),
    ]),
    SURROUNDINGS,
    section("## Options of every command", [
      "They may stand before the command, too.",
      "",
      ...optionTable(COMMON_OPTIONS),
    ]),
    "## Commands\n",
    ...COMMANDS.map(commandSection),
  ].join("\n");
}

function commandSection({
  name,
  summary,
  details,
  arguments: args = [],
  options = [],
  examples,
  answers,
}: CommandSpec): string {
  const usage = [
    "gibbon",
    name,
    ...args.map((argument) => argument.name),
    ...(options.length > 0 ? ["[options]"] : []),
  ];
  return [
    `### ${name}`,
    `\`${usage.join(" ")}\`: ${summary}.`,
    ...(details === undefined ? [] : ["", ...detailLines(details)]),
    ...(args.length === 0 ? [] : ["", "| argument | |", "|---|---|", ...args.map((one) => row(one.name, one.help))]),
    ...(options.length === 0 ? [] : ["", ...optionTable(options)]),
    "",
    "```sh",
    ...examples.map(({ command, says }) => `${command}    # ${says}`),
    "```",
    "",
    `With --json: ${answers}.`,
    "",
  ].join("\n");
}

/** A list among the details stands as it is printed. */
function detailLines(details: string): readonly string[] {
  const [prose = "", ...list] = details.split("\n\n");
  return [prose, ...(list.length === 0 ? [] : ["", "```text", ...list, "```"])];
}

function optionTable(options: NonNullable<CommandSpec["options"]>): readonly string[] {
  return [
    "| option | |",
    "|---|---|",
    ...options.map(({ flags, help, choices }) => row(flags, choiceText(help, choices))),
  ];
}

function choiceText(help: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? help : `${help}: ${choices.join(", ")}`;
}

function row(name: string, text: string): string {
  return `| \`${name}\` | ${text.replaceAll("|", "\\|")} |`;
}

function section(title: string, lines: readonly string[]): string {
  return `${[title, ...lines].join("\n")}\n`;
}
