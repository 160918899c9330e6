import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { inCommandTransaction } from "../adapters/command-connection.ts";
import { exportHousehold } from "../adapters/export-household.ts";
import { type Command, requiredOption, textOption } from "./command.ts";
import { inChunks, writeTo, writeWhole } from "./files.ts";
import { formatHouseholdLine } from "./household-line.ts";

/** `entity-store export`. */
export const exportCommand: Command = {
  summary: "writes a household as NDJSON",
  details:
    "Every version with lineage, stamps, times and outcome, then conflicts, policies and devices, from one snapshot.\n" +
    "Session keys, cursors and the remembered requests of the last 24 hours stay behind.",
  options: {
    household: { value: "ID", summary: "the household", required: true },
    out: { value: "FILE", summary: "where to; default stdout" },
  },
  async run(context) {
    const { databaseUrl: url, role, log, terminal } = context;
    const household = parseHouseholdId(requiredOption(context, "household"), "--household");
    const out = textOption(context, "out");
    let lines = 0;
    await inCommandTransaction({ url, role, household, transaction: "snapshot" }, (tx) => {
      const texts = (async function* () {
        for await (const line of exportHousehold(tx, household)) {
          lines += 1;
          yield formatHouseholdLine(line);
        }
      })();
      const chunks = inChunks(texts);
      return out === undefined ? writeTo(terminal.stdout, chunks) : writeWhole(out, chunks);
    });
    log.info({ household, lines }, "household.exported");
  },
};
