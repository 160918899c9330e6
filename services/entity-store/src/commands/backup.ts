import { systemClock } from "@funkygibbon/kernel/clock";
import { writeArchive } from "../adapters/backup-archive.ts";
import { backedUpRows, describeBackup } from "../adapters/backup-database.ts";
import { inCommandTransaction } from "../adapters/command-connection.ts";
import { type Command, requiredOption } from "./command.ts";
import { writeWhole } from "./files.ts";

/** `entity-store backup`. */
export const backupCommand: Command = {
  summary: "writes all households into one archive",
  details:
    "One snapshot of every table, while the services go on. The login must see every row: a superuser, or one with\n" +
    "BYPASSRLS. The file is there whole or not at all; an older one of that name is replaced.",
  options: { out: { value: "FILE", summary: "where to", required: true } },
  async run(context) {
    const out = requiredOption(context, "out");
    const header = await inCommandTransaction({ url: context.databaseUrl, transaction: "snapshot" }, async (tx) => {
      const described = await describeBackup(tx, new Date(systemClock.now() / 1_000).toISOString());
      await writeWhole(out, writeArchive(described, backedUpRows(tx, described.tables)));
      return described;
    });
    const rows = header.tables.reduce((sum, table) => sum + table.rows, 0);
    context.log.info({ file: out, schemaVersion: header.schemaVersion, rows }, "database.backed_up");
  },
};
