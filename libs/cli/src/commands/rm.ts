import type { CommandSpec } from "../command.ts";
import { findRecord, REFERENCE_HELP } from "../find-record.ts";
import { deliveryLines, deliveryOf } from "../home.ts";
import { titleOf } from "../present/entity.ts";
import { counted } from "../present/look.ts";
import { confirmed } from "../prompts.ts";

/** `gibbon rm`. */
export const rmCommand: CommandSpec = {
  name: "rm",
  summary: "delete an entity or a relationship",
  details: "The relationships of an entity go with it. Everything stays in history: gibbon restore brings it back.",
  arguments: [{ name: "<record>", help: REFERENCE_HELP }],
  options: [{ flags: "-y, --yes", help: "ask nothing" }],
  examples: [{ command: 'gibbon rm "Kettle plug"', says: "asks first when a person looks" }],
  answers: "`id`, `relationships` (how many), `delivery`",
  async run(gibbon, input) {
    await using home = await gibbon.openHome();
    const { client } = home;
    const record = findRecord(client, input.argument(0));
    const label = record.kind === "entity" ? `${record.type} ${titleOf(record)}` : `relationship ${record.type}`;
    const edges = record.kind === "entity" ? client.graph.neighbours(record.id).length : 0;
    const also = edges === 0 ? "" : ` and ${counted(edges, "relationship")}`;
    if (!input.flag("yes")) await confirmed(gibbon, `Delete ${label}${also}?`);
    await client.remove(record.id);
    const delivery = deliveryOf(client, await home.sync());
    const { id } = record;
    return {
      data: { id, relationships: edges, delivery },
      lines: ({ green, dim }) => [
        `${green("deleted")} ${label}${also}`,
        dim(`back again by: gibbon restore ${id}`),
        ...deliveryLines(delivery).map(dim),
      ],
    };
  },
};
