import type { HistoryEntry } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { IMPORT_MEMORY_KEY } from "@funkygibbon/kernel/content";
import { must } from "@funkygibbon/kernel/must";
import { outcomes } from "@funkygibbon/wire/outcomes";
import type { CommandSpec } from "../command.ts";
import { findRecordId, isRelationship, REFERENCE_HELP } from "../find-record.ts";
import type { Gibbon } from "../gibbon.ts";
import { bodyLines } from "../present/entity.ts";
import { plain } from "../present/look.ts";
import { agoText } from "../present/moment.ts";
import { fitTo } from "../present/text-width.ts";
import { bodyOfVersion, isoOfMicros } from "../wire-data.ts";

/** `gibbon history`. */
export const historyCommand: CommandSpec = {
  name: "history",
  summary: "every version of a record, newest first: who changed what, when, and what became of it",
  arguments: [{ name: "<record>", help: `${REFERENCE_HELP}; of a deleted record its id or digits of it` }],
  options: [
    { flags: "-l, --limit <count>", help: "at most this many versions (default 20)" },
    { flags: "-b, --bodies", help: "with what each version said" },
  ],
  examples: [{ command: 'gibbon history "Desk lamp" -b', says: "what it said over time" }],
  answers:
    "`id` and `versions`: `version`, `parents`, `author`, `device`, `client`, `claimed_at`, `committed_at`, `outcome`, `deleted`, `is_head`, `changed_keys`, `body`, `body_removed`",
  async run(gibbon, input) {
    await using home = await gibbon.openHome();
    const id = findRecordId(home.client, input.argument(0));
    const isEdge = isRelationship(home.client, id);
    const versions = (await entriesOf(gibbon, id, isEdge, input.count("limit", 20))).map(versionData);
    const showBodies = input.flag("bodies");
    return {
      data: { id, versions },
      lines: (look) =>
        versions.flatMap((version) => {
          const { dim, green, cyan, yellow } = look;
          const mark = version.is_head ? green("●") : version.outcome === "superseded" ? yellow("○") : dim("○");
          const keys = version.changed_keys.filter((key) => key !== IMPORT_MEMORY_KEY);
          const what = version.deleted ? "deleted" : version.parents.length === 0 ? "created" : keys.join(", ");
          const became = version.outcome === "applied" ? "" : `  ${yellow(version.outcome)}`;
          const by = version.client === "" ? version.author : `${version.author} by ${version.client}`;
          const when = agoText(Date.parse(version.committed_at), look.nowMs);
          const title = `${mark} ${fitTo(when, 16)}  ${cyan(plain(by))}  ${plain(what)}${became}`;
          return [title, `  ${dim(version.version)}`, ...(showBodies ? bodyLines(version.body, look) : [])];
        }),
    };
  },
};

async function entriesOf(gibbon: Gibbon, id: string, isEdge: boolean, limit: number): Promise<readonly HistoryEntry[]> {
  const { entities, relationships } = gibbon.services();
  const entries: HistoryEntry[] = [];
  let pageToken = "";
  do {
    const request = { id, pageSize: Math.min(200, limit - entries.length), pageToken };
    const options = { signal: gibbon.signal };
    const page = isEdge
      ? await relationships.getRelationshipHistory(request, options)
      : await entities.getEntityHistory(request, options);
    entries.push(...page.entries);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && entries.length < limit);
  return entries;
}

function versionData({ version: found, changedKeys, isHead }: HistoryEntry) {
  const version = must(found, "a history entry has its version");
  return {
    version: version.version,
    parents: version.parentVersions,
    author: version.author,
    device: version.deviceId,
    client: version.origin?.clientName ?? "",
    claimed_at: isoOfMicros(version.claimedUs),
    committed_at: isoOfMicros(version.committedUs),
    outcome: outcomes.fromWire(version.outcome) ?? "unknown",
    deleted: version.deleted,
    is_head: isHead,
    changed_keys: changedKeys,
    body: bodyOfVersion(version),
    body_removed: version.bodyRemoved,
  };
}
