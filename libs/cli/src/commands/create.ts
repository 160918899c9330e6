import { parseAssignments, parseBody } from "../body-edit.ts";
import type { CommandSpec } from "../command.ts";
import { findEntity, REFERENCE_HELP } from "../find-record.ts";
import { deliveryLines, deliveryOf } from "../home.ts";
import { parseEntityType } from "../input.ts";
import { entityData, titleOf } from "../present/entity.ts";
import { mustBeTaken } from "../taken.ts";
import { usageError } from "../usage-error.ts";

/** `gibbon create`. */
export const createCommand: CommandSpec = {
  name: "create",
  summary: "create an entity",
  arguments: [
    { name: "<type>", help: "home, room, device, note, …" },
    { name: "<name>", help: "what it is called" },
  ],
  options: [
    { flags: "-s, --set <key=value>", help: "a property: JSON where it reads as JSON, else text", repeatable: true },
    { flags: "--body <json>", help: "all properties as a JSON object" },
    { flags: "--in <place>", help: `where it is located: ${REFERENCE_HELP}` },
    { flags: "--id <uuid>", help: "an id of your own" },
  ],
  examples: [
    { command: 'gibbon create device "Desk lamp" --in study --set on=false', says: "a lamp in the study" },
    { command: 'gibbon create note "Fuse box" --set "text=Behind the coats"', says: "works offline too" },
  ],
  answers: "`entity`, `delivery`",
  async run(gibbon, input) {
    const type = parseEntityType(input.argument(0));
    const given = input.text("body");
    const [name, set] = [input.argument(1), parseAssignments(input.texts("set"))];
    if (name.trim() === "") throw usageError("say what it is called: a name is not empty");
    if (Object.hasOwn(set, "name")) throw usageError(`it is called ${name} already: leave out --set name`);
    const body = { ...(given === undefined ? {} : parseBody(given, "--body")), ...set, name };
    const place = input.text("in");
    const id = input.text("id");
    await using home = await gibbon.openHome();
    const { client } = home;
    const where = place === undefined ? undefined : findEntity(client, place, ["room", "zone", "home"]);
    const created = await client.edit((editor) => {
      const record = editor.create({ type, body, ...(id === undefined ? {} : { id }) });
      if (where !== undefined) editor.relate({ type: "located_in", from: record, to: where.id });
      return record;
    });
    const delivery = deliveryOf(client, await home.sync());
    const entity = entityData(mustBeTaken(client, created, client.graph.entity(created)));
    return {
      data: { entity, delivery },
      lines: ({ green, dim }) => [
        `${green("created")} ${type} ${titleOf(entity)}  ${dim(entity.id)}`,
        ...deliveryLines(delivery).map(dim),
      ],
    };
  },
};
