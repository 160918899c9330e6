import type { Client } from "@funkygibbon/client/client";
import { inverseName } from "@funkygibbon/kernel/relationship-type";
import { relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { Answer, CommandSpec } from "../command.ts";
import { findRecord, findRecordId, REFERENCE_HELP } from "../find-record.ts";
import type { Gibbon } from "../gibbon.ts";
import {
  entityData,
  entityLines,
  type LinkData,
  linksOf,
  relationshipData,
  relationshipLines,
} from "../present/entity.ts";
import { MOMENT_HELP, parseMoment } from "../present/moment.ts";
import { entityFromWire, timestampOf } from "../wire-data.ts";

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
    if (at !== undefined) return await showThen(gibbon, home.client, input.argument(0), parseMoment(at, gibbon.nowMs));
    return showNow(home.client, input.argument(0));
  },
};

function showNow(client: Client, reference: string): Answer {
  const { graph } = client;
  const record = findRecord(client, reference);
  if (record.kind === "entity") {
    const entity = entityData(record);
    const links = linksOf(graph, record.id);
    return { data: { entity, links }, lines: (look) => entityLines(entity, links, look) };
  }
  const relationship = relationshipData(record);
  const names = {
    from: graph.entity(record.from)?.name ?? record.from,
    to: graph.entity(record.to)?.name ?? record.to,
  };
  return { data: { relationship }, lines: (look) => relationshipLines(relationship, names, look) };
}

async function showThen(gibbon: Gibbon, client: Client, reference: string, moment: Date): Promise<Answer> {
  const { graph } = gibbon.services();
  const { entities } = gibbon.services();
  const id = findRecordId(client, reference);
  const at = timestampOf(moment);
  const [{ entity: found }, { neighbours }] = await Promise.all([
    entities.getEntity({ id, at }, { signal: gibbon.signal }),
    graph.getNeighbours({ entityId: id, at, limit: 1_000 }, { signal: gibbon.signal }),
  ]);
  const entity = entityFromWire(found);
  const links = neighbours.map(({ entity: other, relationship, inverse }): LinkData => {
    const type = relationshipTypes.mustFromWire(relationship?.type ?? 0);
    const { id: otherId, type: otherType, name } = entityFromWire(other);
    return {
      relationship: relationship?.id ?? "",
      reads: inverse ? inverseName(type) : type,
      type,
      inverse,
      other: { id: otherId, type: otherType, name },
    };
  });
  return {
    data: { at: moment.toISOString(), entity, links },
    lines: (look) => [look.dim(`as of ${moment.toISOString()}`), ...entityLines(entity, links, look)],
  };
}
