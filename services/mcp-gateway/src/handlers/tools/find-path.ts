import { z } from "zod";
import { bothInOrder } from "../../domain/both-in-order.ts";
import { findEntity } from "../../domain/find-entity.ts";
import { count, describe, presentRef, presentRelated } from "../present.ts";
import { entityRef, reference, related, relationshipType } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** How two things are connected. */
export const findPath = defineTool({
  name: "find_path",
  title: "Find path",
  description:
    "A shortest chain of relationships between two entities, followed in either direction; each step says how it " +
    "reads from the one before. With relations [connects_to]: the way between rooms.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    from: reference("Id or unique name"),
    to: reference("Id or unique name"),
    relations: z.array(relationshipType).max(12).describe("Only over these").optional(),
    max_steps: z.int().min(1).max(20).default(10),
  }),
  output: z.object({ from: entityRef, to: entityRef, found: z.boolean(), steps: z.array(related) }),
  async run(input, context) {
    const { graph, call } = context;
    const [from, to] = await bothInOrder(
      findEntity(graph, call, { text: input.from, field: "from", types: [] }),
      findEntity(graph, call, { text: input.to, field: "to", types: [] }),
    );
    const steps = await graph.findPath(call, {
      fromId: from.id,
      toId: to.id,
      relations: input.relations ?? [],
      maxSteps: input.max_steps,
    });
    const text =
      steps === undefined
        ? `No path from ${describe(from)} to ${describe(to)} within ${count(input.max_steps, "step")}.`
        : [
            `${count(steps.length, "step")} from ${describe(from)}`,
            ...steps.map(({ relation, entity }) => `- ${relation} ${describe(entity)}`),
          ].join("\n");
    return {
      text,
      data: {
        from: presentRef(from),
        to: presentRef(to),
        found: steps !== undefined,
        steps: (steps ?? []).map(presentRelated),
      },
    };
  },
});
