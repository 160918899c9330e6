import { conflictFromWire } from "@funkygibbon/wire/conflict";
import type { CommandSpec } from "../command.ts";
import { explained } from "../find-conflict.ts";
import { conflictData, conflictTitle, explanationData, explanationLines } from "../present/conflict.ts";

/** `gibbon conflicts explain`. */
export const explainConflictCommand: CommandSpec = {
  name: "conflicts explain",
  summary: "show both sides of a conflict key by key, and what was decided why",
  arguments: [{ name: "<conflict>", help: "its id, or the last digits of it" }],
  examples: [{ command: "gibbon conflicts explain 4f1c09e2", says: "who said what" }],
  answers: "as in the list, with `explanation`: every key of either side",
  async run(gibbon, input) {
    await using home = await gibbon.openHome();
    const { answer, wire } = await explained(gibbon, input.argument(0));
    const row = conflictFromWire(wire);
    const conflict = conflictData(row);
    const fields = explanationData(answer);
    const title = conflictTitle(row, home.client.graph);
    return {
      data: { ...conflict, explanation: fields },
      lines: (look) => explanationLines(conflict, fields, { title, look }),
    };
  },
};
