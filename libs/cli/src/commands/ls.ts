import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { CommandSpec } from "../command.ts";
import { findEntity, REFERENCE_HELP } from "../find-record.ts";
import { parseEntityType } from "../input.ts";
import { BEHIND_DEVICES, whereIs } from "../places.ts";
import { entityData, titleOf } from "../present/entity.ts";
import { counted, shortId } from "../present/look.ts";
import { table } from "../present/table.ts";

/** `gibbon ls`. */
export const lsCommand: CommandSpec = {
  name: "ls",
  summary: "list entities",
  arguments: [{ name: "[where]", help: `only what is in this room, zone or home: ${REFERENCE_HELP}` }],
  options: [
    { flags: "-t, --type <type>", help: "only this type; may be given several times", repeatable: true },
    { flags: "-a, --all", help: "accessories and services too, which are how an ecosystem presents a device" },
    { flags: "-n, --name <text>", help: "only names that contain this text" },
  ],
  examples: [
    { command: "gibbon ls kitchen", says: "what is in the kitchen" },
    { command: "gibbon ls -t device --json | jq -r '.data[].name'", says: "the names of all devices, for a program" },
  ],
  answers: "a list of entities: `id`, `type`, `name`, `source`, `version`, `body`, `where`",
  async run(gibbon, input) {
    const types = input.texts("type").map(parseEntityType);
    await using home = await gibbon.openHome();
    const { graph } = home.client;
    const where = input.optionalArgument(0);
    const name = input.text("name");
    const isWanted = (type: EntityType) =>
      types.length === 0 ? input.flag("all") || !BEHIND_DEVICES.has(type) : types.includes(type);
    const found = graph.find({
      ...(name === undefined ? {} : { name }),
      ...(where === undefined ? {} : { room: findEntity(home.client, where).id }),
      where: ({ type }) => isWanted(type),
    });
    const rows = found.map((entity) => ({ ...entityData(entity), where: whereIs(graph, entity.id)?.name ?? "" }));
    return {
      data: rows,
      lines: (look) => {
        if (rows.length === 0) return [look.dim("nothing")];
        const columns = [
          { title: "type", of: ({ type }: (typeof rows)[number]) => type, paint: look.cyan },
          { title: "name", of: titleOf },
          { title: "in", of: ({ where: place }: (typeof rows)[number]) => place },
          { title: "id", of: ({ id }: (typeof rows)[number]) => `…${shortId(id)}`, paint: look.dim },
        ];
        const byType = [...rows].sort((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0));
        return [
          ...table(byType, columns, { width: look.width, title: look.bold }),
          look.dim(counted(rows.length, "entity")),
        ];
      },
    };
  },
};
