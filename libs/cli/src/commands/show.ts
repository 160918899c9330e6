import type { Client } from "@funkygibbon/client/client";
import type { EntityView } from "@funkygibbon/client/graph-view";
import type { PastGraph } from "@funkygibbon/client/past-graph";
import { notFound } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { Answer, CommandSpec } from "../command.ts";
import { findRecord, findRecordId, isRelationship, REFERENCE_HELP } from "../find-record.ts";
import {
  entityData,
  entityLines,
  linksOf,
  type RelationshipData,
  relationshipData,
  relationshipLines,
} from "../present/entity.ts";
import { clockText, MOMENT_HELP, parseMoment } from "../present/moment.ts";

/** `gibbon show`. */
export const showCommand: CommandSpec = {
  name: "show",
  summary: "show an entity or a relationship with everything it says",
  arguments: [{ name: "<record>", help: REFERENCE_HELP }],
  options: [{ flags: "--at <time>", help: `as it was then, asked of the server: ${MOMENT_HELP}` }],
  examples: [
    { command: 'gibbon show "Desk lamp"', says: "what it says and what it is connected with" },
    { command: "gibbon show 7e4d21aa --at yesterday", says: "the same as it was when yesterday began" },
  ],
  answers:
    "`entity` and `links` (`relationship`, `reads`, `type`, `inverse`, `other`), or `relationship`; with --at also `at`",
  async run(gibbon, input) {
    const at = input.text("at");
    await using home = await gibbon.openHome();
    if (at === undefined) return showNow(home.client, input.argument(0));
    const moment = parseMoment(at, gibbon.nowMs);
    return await showThen(home.client, input.argument(0), { moment, past: gibbon.asOf(moment) });
  },
};

function showNow(client: Client, reference: string): Answer {
  const { graph } = client;
  const record = findRecord(client, reference);
  if (record.kind === "entity") {
    const entity = entityData(record);
    const links = linksOf(graph.neighbours(record.id));
    return { data: { entity, links }, lines: (look) => entityLines(entity, links, look) };
  }
  const relationship = relationshipData(record);
  const [from, to] = [record.from, record.to].map((id) => graph.entity(id));
  return {
    data: { relationship },
    lines: (look) => relationshipLines(relationship, namesOf(relationship, from, to), look),
  };
}

function namesOf(edge: RelationshipData, from: EntityView | undefined, to: EntityView | undefined) {
  return { from: from?.name ?? edge.from, to: to?.name ?? edge.to };
}

async function showThen(
  client: Client,
  reference: string,
  { moment, past }: { readonly moment: Date; readonly past: PastGraph },
): Promise<Answer> {
  const id = findRecordId(client, reference);
  if (isRelationship(client, id)) return await showEdgeThen(past, id, moment);
  const found = await past.entity(id);
  if (found === undefined) throw notFound("at that time, entity", id);
  const links = linksOf(await past.neighbours(id));
  const entity = entityData(found);
  return {
    data: { at: moment.toISOString(), entity, links },
    lines: (look) => [look.dim(`as of ${clockText(moment.getTime())}`), ...entityLines(entity, links, look)],
  };
}

async function showEdgeThen(past: PastGraph, id: RecordId, moment: Date): Promise<Answer> {
  const found = await past.relationship(id);
  if (found === undefined) throw notFound("at that time, relationship", id);
  const relationship = relationshipData(found);
  const [from, to] = await Promise.all([past.entity(found.from), past.entity(found.to)]);
  return {
    data: { at: moment.toISOString(), relationship },
    lines: (look) => [
      look.dim(`as of ${clockText(moment.getTime())}`),
      ...relationshipLines(relationship, namesOf(relationship, from, to), look),
    ],
  };
}
