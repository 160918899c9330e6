import { ENDPOINT_RULES, mayConnect, RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import { z } from "zod";
import { bothInOrder } from "../../domain/both-in-order.ts";
import { findEntity } from "../../domain/find-entity.ts";
import type { Entity } from "../../domain/graph.ts";
import { ToolFault } from "../../domain/tool-fault.ts";
import { describe, presentReceipt, presentRef } from "../present.ts";
import { dryRun, entityRef, jsonObject, reference, relationshipType, writeReceipt } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Connects two entities. */
export const createRelationship = defineTool({
  name: "create_relationship",
  title: "Create relationship",
  description:
    "Connects two entities, read as: from type to (lamp located_in kitchen, switch controls lamp, " +
    "boiler documented_by manual). Returns the relationship's id.",
  access: "write",
  idempotent: false,
  destructive: false,
  input: z.strictObject({
    type: relationshipType,
    from: reference("Id or unique name"),
    to: reference("Id or unique name"),
    properties: jsonObject("Properties of the relationship").optional(),
    dry_run: dryRun,
  }),
  output: z.object({
    relationship: z.object({
      id: z.string(),
      type: z.string(),
      from: entityRef,
      to: entityRef,
      version: z.string(),
      etag: z.string(),
    }),
    ...writeReceipt,
  }),
  async run(input, context) {
    const { graph, call } = context;
    const [from, to] = await bothInOrder(
      findEntity(graph, call, { text: input.from, field: "from", types: [] }),
      findEntity(graph, call, { text: input.to, field: "to", types: [] }),
    );
    if (!mayConnect(input.type, from.type, to.type)) throw forbiddenPair(input.type, from, to);
    const relationship = await context.edits.createRelationship(call, {
      type: input.type,
      fromId: from.id,
      toId: to.id,
      properties: input.properties ?? {},
      dryRun: input.dry_run,
    });
    const verb = input.dry_run ? "Would connect" : "Connected";
    return {
      text: `${verb}: ${describe(from)} ${input.type} ${describe(to)}; relationship id ${relationship.id}.`,
      data: {
        relationship: {
          id: relationship.id,
          type: relationship.type,
          from: presentRef(from),
          to: presentRef(to),
          version: relationship.version,
          etag: relationship.etag,
        },
        ...presentReceipt(context, { dryRun: input.dry_run }),
      },
    };
  },
});

function forbiddenPair(type: (typeof RELATIONSHIP_TYPES)[number], from: Entity, to: Entity): ToolFault {
  const names = (types: "any" | readonly string[]) => (types === "any" ? "anything" : types.join("/"));
  const rules = ENDPOINT_RULES[type].map(([starts, ends]) => `${names(starts)} ${type} ${names(ends)}`);
  const others = RELATIONSHIP_TYPES.filter((other) => mayConnect(other, from.type, to.type));
  return new ToolFault(`A ${from.type} cannot be ${type} a ${to.type}. Possible: ${rules.join("; ")}.`, {
    reason: "FORBIDDEN_EDGE",
    arguments: [{ field: "type", problem: `does not fit ${from.type} and ${to.type}`, allowed: others }],
  });
}
