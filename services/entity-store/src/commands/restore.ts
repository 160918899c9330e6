import { openArchive, verifyArchive } from "../adapters/backup-archive.ts";
import { inCommandTransaction } from "../adapters/command-connection.ts";
import { restoreDatabase } from "../adapters/restore-database.ts";
import { type Command, requiredOption } from "./command.ts";

const NOT_HEALED =
  "Every household begins a new epoch, and devices bring back the edits that they hold beyond the backup. " +
  "Decisions about conflicts and policies made since the backup are not healed: make them again.\n";

/** `entity-store restore`. */
export const restoreCommand: Command = {
  summary: "puts the archive of a backup into an empty database",
  details:
    "The archive is read to its end and compared with its SHA-256 before anything is touched. The database must be\n" +
    "migrated to the archive's schema version. All in one transaction. Stop the services first.\n" +
    NOT_HEALED.trim(),
  options: {
    in: { value: "FILE", summary: "the archive", required: true },
    force: { summary: "replace whatever the database holds" },
  },
  async run(context) {
    const file = requiredOption(context, "in");
    await verifyArchive(file);
    const report = await inCommandTransaction({ url: context.databaseUrl, transaction: "write" }, async (tx) =>
      restoreDatabase(tx, await openArchive(file), { replace: context.options.force === true }),
    );
    context.log.info({ file, ...report }, "database.restored");
    context.terminal.stderr.write(NOT_HEALED);
  },
};
