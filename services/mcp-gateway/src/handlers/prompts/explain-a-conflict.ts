import type { Conflict } from "../../domain/conflict-inbox.ts";
import { orNothing } from "../../domain/or-nothing.ts";
import { ToolFault } from "../../domain/tool-fault.ts";
import type { CallContext, Prompt } from "../feature.ts";
import { embeddedEntity, embeddedJson } from "../resources/home-resources.ts";
import { conversation } from "./prompt.ts";

const PAGE = 100;
/** An inbox is looked through this far for an id. */
const MAX_PAGES = 10;

/** Explains a contradiction between two edits to the person who has to decide. */
export const explainAConflict: Prompt = {
  listed: {
    name: "explain_a_conflict",
    title: "Explain a conflict",
    description: "Explains two edits that contradict each other, and what can be decided",
    arguments: [{ name: "conflict", description: "Its id; the newest open one if not given", required: false }],
  },
  async get({ conflict: id }, context) {
    const conflict = await findConflict(id, context);
    const { graph, call } = context;
    const entity =
      conflict.recordKind === "entity" ? await orNothing(graph.getEntity(call, conflict.recordId)) : undefined;
    const about = entity === undefined ? [] : await embeddedEntity(entity, context);
    const asked =
      "Explain this conflict to me in plain words: who changed what, on which device, in which order, what stands now and " +
      "what would be lost either way (get_history of the record shows the rest). Then say what you would decide and why, " +
      "and wait for my decision before you settle anything.";
    return conversation("A conflict explained", { asked, given: [embeddedJson("conflict", conflict), ...about] });
  },
  async complete({ value }, { conflicts, call }) {
    const filter = { state: "open", recordId: undefined, limit: PAGE, cursor: undefined } as const;
    const { items } = await conflicts.listConflicts(call, filter);
    return items.map(({ id }) => id).filter((id) => id.startsWith(value.toLowerCase()));
  },
};

async function findConflict(id: string | undefined, { conflicts, call }: CallContext): Promise<Conflict> {
  const state = id === undefined ? "open" : "all";
  let cursor: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await conflicts.listConflicts(call, { state, recordId: undefined, limit: PAGE, cursor });
    const found = id === undefined ? page.items[0] : page.items.find((conflict) => conflict.id === id.toLowerCase());
    if (found !== undefined) return found;
    cursor = page.nextCursor;
    if (cursor === undefined) break;
  }
  throw id === undefined
    ? new ToolFault("There is no open conflict.", { reason: "CONFLICT_UNKNOWN" })
    : new ToolFault(`There is no conflict with the id ${id}.`, { reason: "CONFLICT_UNKNOWN" });
}
