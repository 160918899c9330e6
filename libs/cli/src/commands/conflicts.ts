import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import type { CommandSpec } from "../command.ts";
import { conflictsOf } from "../find-conflict.ts";
import { findRecordId } from "../find-record.ts";
import { conflictData, conflictTitle } from "../present/conflict.ts";
import { shortId } from "../present/look.ts";
import { agoText } from "../present/moment.ts";
import { table } from "../present/table.ts";

const STATES = { open: ConflictState.OPEN, settled: ConflictState.SETTLED, all: ConflictState.UNSPECIFIED } as const;

/** `gibbon conflicts list`. */
export const listConflictsCommand: CommandSpec = {
  name: "conflicts list",
  summary: "list what machines could not decide, or decided so that a person may want to see it",
  options: [
    { flags: "--state <state>", help: "default open", choices: Object.keys(STATES) },
    { flags: "--record <record>", help: "only conflicts of this record" },
    { flags: "-l, --limit <count>", help: "at most this many (default 50)" },
  ],
  examples: [
    { command: "gibbon conflicts list", says: "what waits for you" },
    { command: "gibbon conflicts list --state settled", says: "what was decided, by rules too" },
  ],
  answers:
    "a list of `id`, `record`, `record_kind`, `type`, `decision`, `strategy`, `etag`, `local`, `server`, `opened_at`, `settled_at`, `settled_by`, `fields`, `label`",
  async run(gibbon, input) {
    await using home = await gibbon.openHome();
    const { graph } = home.client;
    const record = input.text("record");
    const state = STATES[(input.text("state") ?? "open") as keyof typeof STATES];
    const recordId = record === undefined ? "" : findRecordId(home.client, record);
    const conflicts = await conflictsOf(gibbon, { state, recordId, limit: input.count("limit", 50) });
    const rows = conflicts.map((conflict) => ({ ...conflictData(conflict), label: conflictTitle(conflict, graph) }));
    return {
      data: rows,
      lines: (look) => {
        if (rows.length === 0) return [look.green("no conflicts")];
        type Row = (typeof rows)[number];
        const columns = [
          { title: "id", of: ({ id }: Row) => `…${shortId(id)}`, paint: look.cyan },
          { title: "of", of: ({ label }: Row) => label },
          { title: "keys", of: ({ fields }: Row) => fields.map(({ field }) => field).join(", ") },
          { title: "sides", of: ({ local, server }: Row) => `${local.device} / ${server.device}` },
          { title: "decision", of: ({ decision }: Row) => decision },
          { title: "found", of: ({ opened_at }: Row) => agoText(Date.parse(opened_at), look.nowMs), paint: look.dim },
        ];
        return table(rows, columns, { width: look.width, title: look.bold });
      },
    };
  },
};
