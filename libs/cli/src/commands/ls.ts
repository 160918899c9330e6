import type { Client } from "@funkygibbon/client/client";
import type { EntityView } from "@funkygibbon/client/graph-view";
import { ENTITY_TYPES } from "@funkygibbon/kernel/entity-type";
import type { CommandSpec } from "../command.ts";
import { findEntity, REFERENCE_HELP } from "../find-record.ts";
import { parseEntityType } from "../input.ts";
import { BEHIND_DEVICES, whereIs } from "../places.ts";
import { entityData } from "../present/entity.ts";
import { entityTable } from "../present/entity-table.ts";
import { MOMENT_HELP, parseMoment } from "../present/moment.ts";
import { usageError } from "../usage-error.ts";

/** `gibbon ls`. */
export const lsCommand: CommandSpec = {
  name: "ls",
  summary: "list entities",
  arguments: [{ name: "[where]", help: `only what is in this room, zone or home: ${REFERENCE_HELP}` }],
  options: [
    { flags: "-t, --type <type>", help: "only this type; may be given several times", repeatable: true },
    { flags: "-a, --all", help: "accessories and services too, which are how an ecosystem presents a device" },
    { flags: "-n, --name <text>", help: "only names that contain this text" },
    { flags: "--at <time>", help: `as it was then, asked of the server: ${MOMENT_HELP}` },
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
    const at = input.text("at");
    const isWanted = ({ type }: EntityView) =>
      types.length === 0 ? input.flag("all") || !BEHIND_DEVICES.has(type) : types.includes(type);
    const options = {
      ...(name === undefined ? {} : { name }),
      ...(where === undefined ? {} : { room: placeMeant(home.client, where).id }),
    };
    const found =
      at === undefined
        ? graph.find({ ...options, where: isWanted })
        : (await gibbon.asOf(parseMoment(at, gibbon.nowMs)).find(options)).filter(isWanted);
    const rows = found.map((entity) => ({
      ...entityData(entity),
      where: (at === undefined && whereIs(graph, entity.id)?.name) || "",
    }));
    const byType = rows.toSorted((a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : 0));
    return { data: byType, lines: (look) => entityTable(byType, look) };
  },
};

/** @throws DomainError `not-found`, or how to ask for a type, which people try in its place. */
function placeMeant(client: Client, where: string): EntityView {
  try {
    return findEntity(client, where);
  } catch (error) {
    const type = ENTITY_TYPES.find((one) => one === where.toLowerCase().replace(/s$/, ""));
    throw type === undefined ? error : usageError(`${where} is a type, and no place: say gibbon ls --type ${type}`);
  }
}
