import { unavailable } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { CommandSpec } from "../command.ts";
import { findRecordId, isRelationship, REFERENCE_HELP } from "../find-record.ts";
import type { Gibbon } from "../gibbon.ts";
import { deliveryLines, deliveryOf, type Home } from "../home.ts";
import { titleOf } from "../present/entity.ts";
import { counted } from "../present/look.ts";
import { mustBeTaken } from "../taken.ts";

/** `gibbon restore`. */
export const restoreCommand: CommandSpec = {
  name: "restore",
  summary: "bring back what was deleted, or what an older version said",
  details:
    "The relationships that a delete took come back where they can. Offline, what this machine has seen of a deleted record " +
    "comes back, and its relationships once the server hears of it.",
  arguments: [{ name: "<record>", help: `${REFERENCE_HELP}; of a deleted record its id or digits of it` }],
  options: [{ flags: "--version <version>", help: "the version whose content comes back; gibbon history lists them" }],
  examples: [{ command: "gibbon restore 7e4d21aa", says: "undo a delete" }],
  answers: "`id`, `record`, `type`, `relationships` (the ids that came back), `delivery`",
  async run(gibbon, input) {
    await using home = await gibbon.openHome();
    const { client, freshness } = home;
    const id = findRecordId(client, input.argument(0));
    const version = input.text("version");
    const relationships = freshness.kind === "live" ? await restoreThere(gibbon, home, { id, version }) : [];
    if (freshness.kind === "offline") {
      if (version !== undefined) throw unavailable("older versions are on the server, which does not answer");
      await client.restore(id);
    }
    const delivery = deliveryOf(client, await home.sync());
    const record = mustBeTaken(client, id, client.get(id));
    const label = record.kind === "entity" ? `${record.type} ${titleOf(record)}` : `relationship ${record.type}`;
    const also = relationships.length === 0 ? "" : ` and ${counted(relationships.length, "relationship")}`;
    return {
      data: { id, type: record.type, record: record.kind, relationships, delivery },
      lines: ({ green, dim }) => [`${green("restored")} ${label}${also}`, ...deliveryLines(delivery).map(dim)],
    };
  },
};

/** Lets the server restore, which knows every version and which edges a delete took. @returns those that came back. */
async function restoreThere(
  gibbon: Gibbon,
  home: Home,
  { id, version = "" }: { readonly id: RecordId; readonly version: string | undefined },
): Promise<readonly string[]> {
  const { entities, relationships } = gibbon.services();
  const request = { id, version, etag: "*", requestId: crypto.randomUUID() };
  const options = { signal: gibbon.signal };
  if (isRelationship(home.client, id)) {
    const { relationship } = await relationships.restoreRelationship(request, options);
    await home.catchUpWith({ id, version: relationship?.version ?? "" });
    return [];
  }
  const { entity, relationshipIds } = await entities.restoreEntity(request, options);
  await home.catchUpWith({ id, version: entity?.version ?? "" });
  return relationshipIds;
}
