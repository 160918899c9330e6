import { randomFillSync } from "node:crypto";
import { systemClock } from "@funkygibbon/kernel/clock";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import { inCommandTransaction } from "../adapters/command-connection.ts";
import { importHousehold } from "../adapters/import-household.ts";
import type { ExportLine } from "../domain/household-lines.ts";
import { type Command, requiredOption, textOption } from "./command.ts";
import { linesIn } from "./files.ts";
import { parseHouseholdLine } from "./household-line.ts";

/** `entity-store import`. */
export const importCommand: Command = {
  summary: "reads a household that export has written",
  details:
    "Only into a household that is unknown or empty, in one transaction: a line that is wrong is named, and nothing is\n" +
    "imported. The household begins a new epoch; its devices bring back what they hold beyond the export.",
  options: {
    household: { value: "ID", summary: "the household; may be another one than was exported", required: true },
    in: { value: "FILE", summary: "where from; default stdin" },
  },
  async run(context) {
    const { databaseUrl: url, role, log, terminal } = context;
    const household = parseHouseholdId(requiredOption(context, "household"), "--household");
    const source = textOption(context, "in") ?? terminal.stdin;
    const epoch = uuidV7(systemClock.now(), randomFillSync(new Uint8Array(10)));
    const report = await inCommandTransaction({ url, role, household, transaction: "write" }, (tx) =>
      importHousehold(tx, parsed(linesIn(source)), { household, epoch }),
    );
    log.info({ household, epoch, ...report }, "household.imported");
  },
};

async function* parsed(lines: AsyncIterable<string>): AsyncGenerator<ExportLine> {
  let number = 0;
  for await (const line of lines) yield parseHouseholdLine(line, ++number);
}
