import { DifferenceKind, type RecordDifference } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { IMPORT_MEMORY_KEY } from "@funkygibbon/kernel/content";
import { type JsonObject, jsonGet } from "@funkygibbon/kernel/json";
import type { CommandSpec } from "../command.ts";
import type { Gibbon } from "../gibbon.ts";
import { valueText } from "../present/entity.ts";
import { counted, type Look, plain, shortId } from "../present/look.ts";
import { MOMENT_HELP, parseMoment } from "../present/moment.ts";
import { entityFromWire, relationshipFromWire, timestampOf } from "../wire-data.ts";

/** What differs of one record, as `--json` tells it. */
interface DifferenceData {
  readonly kind: "created" | "updated" | "deleted";
  readonly id: string;
  readonly record: "entity" | "relationship";
  readonly type: string;
  /** Of an entity its name, of a relationship what it connects. */
  readonly label: string;
  readonly changed_keys: readonly string[];
  readonly before: JsonObject | undefined;
  readonly after: JsonObject | undefined;
}

const KINDS: Readonly<Record<number, DifferenceData["kind"]>> = {
  [DifferenceKind.CREATED]: "created",
  [DifferenceKind.UPDATED]: "updated",
  [DifferenceKind.DELETED]: "deleted",
};

/** `gibbon diff`. */
export const diffCommand: CommandSpec = {
  name: "diff",
  summary: "what was created, changed and deleted between two times",
  arguments: [
    { name: "<since>", help: MOMENT_HELP },
    { name: "[until]", help: "default now" },
  ],
  options: [
    { flags: "-a, --all", help: "for you, too: accessories, services and relationships; --json has them anyway" },
  ],
  examples: [
    { command: "gibbon diff 24h", says: "since this time yesterday" },
    { command: "gibbon diff 2026-11-01 2026-11-08", says: "in the first week of November" },
  ],
  answers:
    "a list of `kind` (`created`, `updated`, `deleted`), `id`, `record`, `type`, `label`, `changed_keys`, `before`, `after`",
  async run(gibbon, input) {
    const since = parseMoment(input.argument(0), gibbon.nowMs);
    const until = input.optionalArgument(1);
    const found = await differencesOf(
      gibbon,
      since,
      until === undefined ? undefined : parseMoment(until, gibbon.nowMs),
    );
    const names = namesIn(found);
    const differences = found.map((difference) => differenceData(difference, names));
    const shown = differences.filter((difference) => input.flag("all") || isForPeople(difference));
    const hidden = differences.length - shown.length;
    return {
      data: differences,
      lines: (look) => [
        ...(differences.length === 0 ? [look.dim("nothing has changed")] : []),
        ...shown.flatMap((difference) => differenceLines(difference, look)),
        ...(hidden === 0
          ? []
          : [
              look.dim(`and ${counted(hidden, "change")} of accessories, services and relationships; --all lists them`),
            ]),
      ],
    };
  },
};

async function differencesOf(
  gibbon: Gibbon,
  since: Date,
  until: Date | undefined,
): Promise<readonly RecordDifference[]> {
  const { graph } = gibbon.services();
  const times = {
    since: timestampOf(since),
    ...(until === undefined ? {} : { until: timestampOf(until) }),
  };
  const differences: RecordDifference[] = [];
  let pageToken = "";
  do {
    const page = await graph.diffGraph({ ...times, pageSize: 500, pageToken }, { signal: gibbon.signal });
    differences.push(...page.differences);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return differences;
}

/** What a person would call a change of the home. */
function isForPeople({ record, type }: DifferenceData): boolean {
  return record === "entity" && type !== "accessory" && type !== "service";
}

function namesIn(differences: readonly RecordDifference[]): ReadonlyMap<string, string> {
  const named = differences.map(({ recordId, entityAfter, entityBefore }) => {
    return [recordId, (entityAfter ?? entityBefore)?.name ?? ""] as const;
  });
  return new Map(named.filter(([, name]) => name !== ""));
}

function differenceData(difference: RecordDifference, names: ReadonlyMap<string, string>): DifferenceData {
  const { recordId, kind, changedKeys, entityBefore, entityAfter, relationshipBefore, relationshipAfter } = difference;
  const common = { kind: KINDS[kind] ?? "updated", id: recordId, changed_keys: changedKeys };
  const entity = entityAfter ?? entityBefore;
  if (entity !== undefined) {
    const { type, name } = entityFromWire(entity);
    const before = entityBefore && entityFromWire(entityBefore).body;
    const after = entityAfter && entityFromWire(entityAfter).body;
    return { ...common, record: "entity", type, label: name, before, after };
  }
  const { type, from, to } = relationshipFromWire(relationshipAfter ?? relationshipBefore);
  const nameOf = (id: string) => names.get(id) ?? `…${shortId(id)}`;
  const ends = (edge: typeof relationshipAfter) => {
    if (edge === undefined) return undefined;
    const data = relationshipFromWire(edge);
    return { ...data.properties, "@ends": [data.type, data.from, data.to] };
  };
  return {
    ...common,
    record: "relationship",
    type,
    label: `${nameOf(from)} ${type} ${nameOf(to)}`,
    before: ends(relationshipBefore),
    after: ends(relationshipAfter),
  };
}

function differenceLines(difference: DifferenceData, look: Look): readonly string[] {
  const { kind, record, type, label, id, changed_keys: keys, before, after } = difference;
  const sign = { created: look.green("+"), updated: look.yellow("~"), deleted: look.red("-") }[kind];
  const what = record === "entity" ? `${look.cyan(type)} ${plain(label)}` : plain(label);
  const shown = kind === "updated" ? keys.filter((key) => key !== IMPORT_MEMORY_KEY) : [];
  return [
    `${sign} ${what}  ${look.dim(`…${shortId(id)}`)}`,
    ...shown.map((key) => {
      const [old, now] = [before, after].map((body) => valueText(body && jsonGet(body, key)));
      return `    ${look.dim(plain(key))}  ${look.red(old || "nothing")} → ${look.green(now || "nothing")}`;
    }),
  ];
}
