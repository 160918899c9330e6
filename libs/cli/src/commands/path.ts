import { DomainError } from "@funkygibbon/kernel/errors";
import { inverseName } from "@funkygibbon/kernel/relationship-type";
import type { CommandSpec } from "../command.ts";
import { findEntity, REFERENCE_HELP } from "../find-record.ts";
import { parseRelationshipType } from "../input.ts";
import { titleOf } from "../present/entity.ts";
import { MOMENT_HELP, parseMoment } from "../present/moment.ts";

/** As far as the server looks. */
const MAX_DEPTH = 20;

/** `gibbon path`. */
export const pathCommand: CommandSpec = {
  name: "path",
  summary: "how two entities are connected, by the shortest way",
  arguments: [
    { name: "<from>", help: REFERENCE_HELP },
    { name: "<to>", help: REFERENCE_HELP },
  ],
  options: [
    {
      flags: "-t, --type <type>",
      help: "only over relationships of this type; may be given several times",
      repeatable: true,
    },
    { flags: "--directed", help: "only in the direction in which relationships are read" },
    { flags: "--at <time>", help: `as it was then, asked of the server: ${MOMENT_HELP}` },
  ],
  examples: [{ command: 'gibbon path "Desk lamp" "Kettle plug"', says: "by way of their rooms and the home" }],
  answers: "`start` and `steps` (`relationship`, `reads`, `to`)",
  async run(gibbon, input) {
    const types = input.texts("type").map(parseRelationshipType);
    await using home = await gibbon.openHome();
    const ends = [findEntity(home.client, input.argument(0)), findEntity(home.client, input.argument(1))] as const;
    const at = input.text("at");
    const graph = at === undefined ? home.client.graph : gibbon.asOf(parseMoment(at, gibbon.nowMs));
    const path = await graph.path(ends[0].id, ends[1].id, {
      ...(types.length === 0 ? {} : { types }),
      directed: input.flag("directed"),
      maxDepth: MAX_DEPTH,
    });
    if (path === undefined) {
      throw new DomainError("not-found", `nothing connects ${titleOf(ends[0])} with ${titleOf(ends[1])}`, {
        reason: "NO_PATH",
      });
    }
    const start = { id: ends[0].id, type: ends[0].type, name: ends[0].name };
    const steps = path.map(({ entity: { id, type, name }, relationship, inverse }) => ({
      relationship: relationship.id,
      reads: inverse ? inverseName(relationship.type) : relationship.type,
      to: { id, type, name },
    }));
    return {
      data: { start, steps },
      lines: ({ bold, cyan, dim }) => [
        `${bold(titleOf(start))}  ${dim(start.type)}`,
        ...steps.map(({ reads, to }) => `  ${cyan(reads)} ${titleOf(to)}  ${dim(to.type)}`),
      ],
    };
  },
};
