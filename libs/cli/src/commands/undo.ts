import { DomainError } from "@funkygibbon/kernel/errors";
import type { CommandSpec } from "../command.ts";
import { deliveryLines, deliveryOf } from "../home.ts";
import { recordTitle } from "../present/entity.ts";
import { counted } from "../present/look.ts";

/** `gibbon undo`. */
export const undoCommand: CommandSpec = {
  name: "undo",
  summary: "take back what the last command of this machine changed",
  details:
    "As one more edit, everywhere. What has been edited since, by whomever, stays as it is. Again it takes back the command " +
    "before. It knows create, edit, link, rm, import and what restore did offline; what the server did is in gibbon history.",
  examples: [{ command: "gibbon undo", says: "that was a mistake" }],
  answers: "`undone` (false: all of it has been edited since), `records` (the ids), `delivery`",
  async run(gibbon) {
    await using home = await gibbon.openHome();
    const { client } = home;
    const step = client.undoable.at(-1);
    if (step === undefined) {
      const reason = "NOTHING_TO_UNDO";
      throw new DomainError("not-found", "this machine has changed nothing that it could take back", { reason });
    }
    const records = step.map(({ record }) => record);
    const [before] = records.map((id) => recordTitle(client.graph, id));
    const undone = await client.undo();
    const delivery = deliveryOf(client, await home.sync());
    return {
      data: { undone, records, delivery },
      lines: ({ green, yellow, dim }) => {
        const [first = ""] = records.map((id) => recordTitle(client.graph, id) ?? before ?? `deleted …${id.slice(-8)}`);
        const what = records.length === 1 ? first : counted(records.length, "record");
        if (!undone) return [yellow(`${what}: edited since, and left as it is`)];
        return [`${green("taken back")} ${what}`, ...deliveryLines(delivery).map(dim)];
      },
    };
  },
};
