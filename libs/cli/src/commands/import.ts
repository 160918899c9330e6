import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { nodeSha1 } from "@funkygibbon/client/node-hashes";
import { formatNamed, formatOf, IMPORT_FORMATS } from "@funkygibbon/importers/formats";
import type { SourceFile } from "@funkygibbon/importers/import-format";
import {
  applyImport,
  type ImportAction,
  type ImportPlan,
  planImport,
  reportOf,
} from "@funkygibbon/importers/import-plan";
import { DomainError } from "@funkygibbon/kernel/errors";
import { must } from "@funkygibbon/kernel/must";
import type { CommandSpec } from "../command.ts";
import { deliveryLines, deliveryOf } from "../home.ts";
import { counted, type Look, plain } from "../present/look.ts";

/** How many records of one outcome are listed for a person. */
const LISTED = 10;

/** `gibbon import`. */
export const importCommand: CommandSpec = {
  name: "import",
  summary: "bring a home in from files",
  details:
    "All or nothing, and again is nothing: a second import of the same files changes nothing, and what you have edited\n" +
    `since stays. Formats:\n${IMPORT_FORMATS.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}`).join("\n")}`,
  arguments: [{ name: "<files...>", help: "all files of one source" }],
  options: [
    {
      flags: "-f, --format <format>",
      help: "default: what the files look like",
      choices: IMPORT_FORMATS.map(({ name }) => name),
    },
    {
      flags: "--source <name>",
      help: "tells this source from others of its format (default the name of the file; home-assistant)",
    },
    { flags: "--dry-run", help: "say what would happen, and do nothing" },
  ],
  examples: [
    { command: "gibbon import bridge.json rooms.json", says: "a HomeKit bridge, and what stands in which room" },
    { command: "gibbon import .storage/core.*_registry --dry-run", says: "what would come of a Home Assistant" },
    { command: "gibbon import -f csv devices.csv", says: "a table of devices" },
  ],
  answers:
    "`format`, `source`, `dry_run`, `report` (`created`, `updated`, `unchanged`, `kept`, `skipped`), `records` (all but the unchanged ones, with `outcome`), `omitted`, `gone`, `delivery`",
  async run(gibbon, input) {
    const files = input.rest(0).map(readSource);
    const named = input.text("format");
    const format = named === undefined ? formatOf(files) : formatNamed(named);
    const sourceName = input.text("source") ?? format.sourceName(files);
    await using home = await gibbon.openHome();
    const { client } = home;
    const household = must(client.state.household, "an open home has a household");
    gibbon.terminal.progress("comparing …");
    const plan = planImport({ graph: client.graph, format, files, scope: { household, sourceName, sha1: nodeSha1 } });
    const isDry = input.flag("dry-run");
    if (!isDry) await client.edit((editor) => applyImport(editor, plan));
    const delivery = isDry ? undefined : deliveryOf(client, await home.sync());
    const told = plan.steps.filter(({ action }) => action.kind !== "unchanged").map(stepData);
    return {
      data: {
        format: format.name,
        source: sourceName,
        dry_run: isDry,
        report: reportOf(plan),
        records: told,
        omitted: plan.omitted,
        gone: plan.gone,
        ...(delivery === undefined ? {} : { delivery }),
      },
      lines: (look) => [
        ...planLines(plan, isDry, look),
        ...(delivery === undefined ? [] : deliveryLines(delivery).map(look.dim)),
      ],
    };
  },
};

function readSource(path: string): SourceFile {
  try {
    return { name: basename(path), text: readFileSync(path, "utf8") };
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = why === "ENOENT" ? `there is no file ${path}` : `${path} cannot be read (${why})`;
    throw new DomainError("not-found", message, { reason: "NO_FILE", cause: error });
  }
}

function stepData({ record, label, action }: ImportPlan["steps"][number]) {
  return { id: record.id, record: record.kind, type: record.type, label, ...actionData(action) };
}

function actionData(action: ImportAction) {
  switch (action.kind) {
    case "update":
      return { outcome: "updated", keys: action.keys, over: action.over };
    case "kept":
      return { outcome: "kept", keys: action.keys };
    case "skipped":
      return { outcome: "skipped", reason: action.reason };
    case "create":
      return { outcome: "created" };
    case "unchanged":
      return { outcome: "unchanged" };
  }
}

function planLines(plan: ImportPlan, isDry: boolean, look: Look): readonly string[] {
  const { dim, bold, green, yellow } = look;
  const { created, updated, unchanged, kept, skipped } = reportOf(plan);
  const of = (kind: ImportAction["kind"]) => plan.steps.filter(({ action }) => action.kind === kind);
  const list = (title: string, texts: readonly string[]) =>
    texts.length === 0
      ? []
      : [
          title,
          ...texts.slice(0, LISTED).map((text) => `  ${plain(text)}`),
          ...(texts.length > LISTED
            ? [dim(`  and ${counted(texts.length - LISTED, "other")}; --json has them all`)]
            : []),
        ];
  return [
    bold(isDry ? `${plan.source}, if it were imported:` : plan.source),
    ...(created === 0 ? [] : [`${green(counted(created, "record"))} created  ${dim(createdText(of("create")))}`]),
    ...list(
      `${yellow(counted(updated, "record"))} updated`,
      of("update").map(({ label, action }) => `${label}: ${action.kind === "update" ? updatedText(action) : ""}`),
    ),
    ...(unchanged === 0 ? [] : [`${counted(unchanged, "record")} as before`]),
    ...list(
      `${counted(kept, "record")} kept, because somebody has edited`,
      of("kept").map(({ label, action }) => `${label}: ${action.kind === "kept" ? action.keys.join(", ") : ""}`),
    ),
    ...list(
      `${counted(skipped, "record")} skipped`,
      of("skipped").map(({ label, action }) => `${label} ${action.kind === "skipped" ? action.reason : ""}`),
    ),
    ...list(
      `${counted(plan.omitted.length, "thing")} left out`,
      plan.omitted.map(({ label, reason }) => `${label} ${reason}`),
    ),
    ...list(
      `${counted(plan.gone.length, "entity")} of this source that these files do not speak of; they stay`,
      plan.gone.map(({ label }) => label),
    ),
  ];
}

function createdText(steps: ImportPlan["steps"]): string {
  const types = Map.groupBy(steps, ({ record }) => (record.kind === "entity" ? record.type : record.kind));
  return [...types].map(([type, all]) => counted(all.length, type)).join(", ");
}

function updatedText({ keys, over }: Extract<ImportAction, { kind: "update" }>): string {
  if (keys.length === 0) return "remembered anew";
  return keys.map((key) => (over.includes(key) ? `${key} (over an edit)` : key)).join(", ");
}
