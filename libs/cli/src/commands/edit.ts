import type { EntityView, RelationshipView } from "@funkygibbon/client/graph-view";
import { type JsonObject, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import { mustKeepName, parseAssignments } from "../body-edit.ts";
import type { CommandSpec } from "../command.ts";
import { editBody } from "../editor.ts";
import { findRecord, REFERENCE_HELP } from "../find-record.ts";
import { deliveryLines, deliveryOf } from "../home.ts";
import { valueText } from "../present/entity.ts";
import { plain } from "../present/look.ts";
import { usageError } from "../usage-error.ts";

/** `gibbon edit`. */
export const editCommand: CommandSpec = {
  name: "edit",
  summary: "change what a record says, by options or in your editor",
  details:
    "Without --set and --unset, $VISUAL or $EDITOR opens on the properties as JSON. Only the keys that differ are " +
    "changed: what somebody else has set meanwhile stays.",
  arguments: [{ name: "<record>", help: REFERENCE_HELP }],
  options: [
    {
      flags: "-s, --set <key=value>",
      help: "set a property: JSON where it reads as JSON, else text",
      repeatable: true,
    },
    { flags: "-u, --unset <key>", help: "take a property away", repeatable: true },
  ],
  examples: [
    { command: 'gibbon edit "Desk lamp" --set brightness=40 --unset scene', says: "two keys" },
    { command: 'EDITOR=nano gibbon edit "Desk lamp"', says: "everything, in nano" },
  ],
  answers: "`id`, `changed_keys`, `delivery`",
  async run(gibbon, input) {
    const [set, unset] = [parseAssignments(input.texts("set")), input.texts("unset")];
    const byOptions = Object.keys(set).length + unset.length > 0;
    if (!byOptions && !gibbon.isInteractive && !gibbon.environment.VISUAL && !gibbon.environment.EDITOR) {
      throw usageError("say what to change by --set key=value, or set EDITOR");
    }
    await using home = await gibbon.openHome();
    const { client } = home;
    const record = findRecord(client, input.argument(0));
    const before = saidBy(record);
    const check = (patch: JsonObject) => {
      if (record.kind === "entity") mustKeepName(patch);
    };
    check(set);
    const after = byOptions ? undefined : await editBody(gibbon, before, (body) => check(differing(before, body)));
    const patch = after === undefined ? set : differing(before, after);
    const remove = after === undefined ? unset : Object.keys(before).filter((key) => !Object.hasOwn(after, key));
    const keys = [...Object.keys(patch), ...remove].filter(
      (key) => !jsonEquals(jsonGet(before, key), remove.includes(key) ? undefined : jsonGet(patch, key)),
    );
    await client.update(record.id, patch, { remove });
    const delivery = deliveryOf(client, await home.sync());
    const { id } = record;
    return {
      data: { id, changed_keys: keys, delivery },
      lines: ({ green, red, dim }) => [
        ...(keys.length === 0 ? [dim("nothing has changed")] : []),
        ...keys.map((key) => {
          const now = remove.includes(key) ? "nothing" : valueText(jsonGet(patch, key));
          return `${plain(key)}  ${red(valueText(jsonGet(before, key)) || "nothing")} → ${green(now)}`;
        }),
        ...deliveryLines(delivery).map(dim),
      ],
    };
  },
};

function saidBy(record: EntityView | RelationshipView): JsonObject {
  return record.kind === "entity" ? record.body : record.properties;
}

function differing(before: JsonObject, after: JsonObject): JsonObject {
  const changed = Object.entries(after).filter(([key, value]) => !jsonEquals(jsonGet(before, key), value));
  return Object.fromEntries(changed);
}
