import { ENDPOINT_RULES, mayConnect, RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import { z } from "zod";
import { bothInOrder } from "../../domain/both-in-order.ts";
import { findEntity } from "../../domain/find-entity.ts";
import type { Entity, Neighbour } from "../../domain/graph.ts";
import { ToolFault } from "../../domain/tool-fault.ts";
import type { CallContext } from "../feature.ts";
import { describe, presentReceipt, presentRef } from "../present.ts";
import { dryRun, entityRef, jsonObject, reference, relationshipType, writeReceipt } from "../schemas.ts";
import { defineTool } from "../tool.ts";

const MAX_PLACES = 20;

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
    also_in: z.array(z.object({ relationship_id: z.string(), place: entityRef })).describe("Other places of it"),
    ...writeReceipt,
  }),
  async run(input, context) {
    const { graph, call } = context;
    const [from, to] = await bothInOrder(
      findEntity(graph, call, { text: input.from, field: "from", types: [] }),
      findEntity(graph, call, { text: input.to, field: "to", types: [] }),
    );
    if (!mayConnect(input.type, from.type, to.type)) throw forbiddenPair(input.type, from, to);
    const places = input.type === "located_in" ? await placesOf(context, from) : [];
    const relationship = await context.edits.createRelationship(call, {
      type: input.type,
      fromId: from.id,
      toId: to.id,
      properties: input.properties ?? {},
      dryRun: input.dry_run,
    });
    const verb = input.dry_run ? "Would connect" : "Connected";
    return {
      text: [
        `${verb}: ${describe(from)} ${input.type} ${describe(to)}; relationship id ${relationship.id}.`,
        ...places.map(
          (place) =>
            `It is located_in ${describe(place.entity)} too; if it moved, end relationship ${place.relationshipId}.`,
        ),
      ].join("\n"),
      data: {
        relationship: {
          id: relationship.id,
          type: relationship.type,
          from: presentRef(from),
          to: presentRef(to),
          version: relationship.version,
          etag: relationship.etag,
        },
        also_in: places.map(({ relationshipId, entity }) => ({
          relationship_id: relationshipId,
          place: presentRef(entity),
        })),
        ...presentReceipt(context, { dryRun: input.dry_run }),
      },
    };
  },
});

/** Where it is already: a thing that is moved by a new relationship alone would be in two places. */
async function placesOf({ graph, call }: CallContext, thing: Entity): Promise<readonly Neighbour[]> {
  const query = {
    id: thing.id,
    relations: ["located_in"],
    types: ["room", "zone", "home"],
    limit: MAX_PLACES,
  } as const;
  const { items: neighbours } = await graph.getNeighbours(call, query);
  return neighbours.filter(({ relation }) => relation === "located_in");
}

function forbiddenPair(type: (typeof RELATIONSHIP_TYPES)[number], from: Entity, to: Entity): ToolFault {
  const names = (types: "any" | readonly string[]) => (types === "any" ? "anything" : types.join("/"));
  const rules = ENDPOINT_RULES[type].map(([starts, ends]) => `${names(starts)} ${type} ${names(ends)}`);
  const others = RELATIONSHIP_TYPES.filter((other) => mayConnect(other, from.type, to.type));
  return new ToolFault(`A ${from.type} cannot be ${type} a ${to.type}. Possible: ${rules.join("; ")}.`, {
    reason: "FORBIDDEN_EDGE",
    arguments: [{ field: "type", problem: `does not fit ${from.type} and ${to.type}`, allowed: others }],
  });
}
