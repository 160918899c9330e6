import { parseAssignments } from "../body-edit.ts";
import type { CommandSpec } from "../command.ts";
import { findEntity, REFERENCE_HELP } from "../find-record.ts";
import { deliveryLines, deliveryOf } from "../home.ts";
import { parseRelationshipType } from "../input.ts";
import { relationshipData, relationshipLines } from "../present/entity.ts";
import { mustBeTaken } from "../taken.ts";

/** `gibbon link`. */
export const linkCommand: CommandSpec = {
  name: "link",
  summary: "connect two entities",
  details: "To connect them no longer: gibbon rm with the id of the relationship, which gibbon show tells.",
  arguments: [
    { name: "<from>", help: REFERENCE_HELP },
    { name: "<type>", help: "located_in, controls, part_of, documented_by, …" },
    { name: "<to>", help: REFERENCE_HELP },
  ],
  options: [{ flags: "-s, --set <key=value>", help: "a property of the relationship", repeatable: true }],
  examples: [
    { command: 'gibbon link "Wall switch" controls "Desk lamp"', says: "what the switch is for" },
    { command: 'gibbon link boiler documented_by "Boiler manual"', says: "where to look it up" },
  ],
  answers: "`relationship`, `delivery`",
  async run(gibbon, input) {
    const type = parseRelationshipType(input.argument(1));
    const properties = parseAssignments(input.texts("set"));
    await using home = await gibbon.openHome();
    const { client } = home;
    const from = findEntity(client, input.argument(0));
    const to = findEntity(client, input.argument(2));
    const id = await client.relate({ type, from: from.id, to: to.id, properties });
    const delivery = deliveryOf(client, await home.sync());
    const relationship = relationshipData(mustBeTaken(client, id, client.graph.relationship(id)));
    return {
      data: { relationship, delivery },
      lines: (look) => [
        look.green("connected"),
        ...relationshipLines(relationship, { from: from.name, to: to.name }, look),
        ...deliveryLines(delivery).map(look.dim),
      ],
    };
  },
};
