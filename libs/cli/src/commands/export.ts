import { nodeSha256 } from "@funkygibbon/client/node-hashes";
import { writeHousehold } from "@funkygibbon/importers/ndjson/write-household";
import { must } from "@funkygibbon/kernel/must";
import type { CommandSpec } from "../command.ts";
import { counted } from "../present/look.ts";
import { writeWhole } from "../private-file.ts";

/** `gibbon export`. */
export const exportCommand: CommandSpec = {
  name: "export",
  summary: "write the home as NDJSON, as this machine sees it",
  details:
    "Every live record under its own id, edits that were not sent yet included, without history; gibbon import reads it. " +
    "The whole history is written by entity-store export, on the server.",
  options: [{ flags: "-o, --out <file>", help: "where to; default the output" }],
  examples: [
    { command: "gibbon export -o home.ndjson", says: "a copy of the home in a file" },
    { command: 'gibbon export --offline | grep -c \'"kind":"entity"\'', says: "how many entities there are" },
  ],
  answers: "with --out `file`, `records`",
  async run(gibbon, input) {
    await using home = await gibbon.openHome();
    const { graph, state } = home.client;
    const household = must(state.household, "an open home has a household");
    const lines = [...writeHousehold({ graph, household, sha256: nodeSha256 })];
    const out = input.text("out");
    if (out === undefined) {
      gibbon.terminal.answer([lines.join("").trimEnd()]);
      return undefined;
    }
    writeWhole(out, lines.join(""));
    const records = lines.length - 2;
    return {
      data: { file: out, records },
      lines: ({ green }) => [`${green("written")} ${counted(records, "record")} to ${out}`],
    };
  },
};
