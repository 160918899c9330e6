import type { CommandSpec } from "../command.ts";
import { parseEntityType } from "../input.ts";
import { whereIs } from "../places.ts";
import { entityData } from "../present/entity.ts";
import { entityTable } from "../present/entity-table.ts";

/** `gibbon search`. */
export const searchCommand: CommandSpec = {
  name: "search",
  summary: "find entities by what they are called and what they say",
  arguments: [{ name: "<words...>", help: "what to look for: words, or parts of them; a typo is forgiven in names" }],
  options: [
    { flags: "-t, --type <type>", help: "only this type; may be given several times", repeatable: true },
    { flags: "-l, --limit <count>", help: "at most this many (default 20)" },
  ],
  examples: [{ command: "gibbon search lumen -t device", says: "devices by their maker" }],
  answers: "as ls, best first, with `match`",
  async run(gibbon, input) {
    const types = input.texts("type").map(parseEntityType);
    const limit = input.count("limit", 20);
    await using home = await gibbon.openHome();
    const { graph } = home.client;
    const hits = graph.search(input.rest(0).join(" "), { limit, ...(types.length === 0 ? {} : { types }) });
    const rows = hits.map(({ entity, match }) => ({
      ...entityData(entity),
      where: whereIs(graph, entity.id)?.name ?? "",
      match: match.kind,
    }));
    return { data: rows, lines: (look) => entityTable(rows, look) };
  },
};
