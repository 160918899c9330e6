import { type ImportAction, type ImportPlan, reportOf } from "@funkygibbon/importers/import-plan";
import { counted, type Look, plain } from "./look.ts";

/** How many records of one outcome are listed for a person. */
const LISTED = 10;

/** What an import has done, or would do, as `--json` tells it. */
export function importData(plan: ImportPlan) {
  const { source, steps, omitted, gone } = plan;
  const records = steps.filter(({ action }) => action.kind !== "unchanged").map(stepData);
  return { source, report: reportOf(plan), records, omitted, gone };
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
    case "restore":
      return { outcome: "restored" };
    case "unchanged":
      return { outcome: "unchanged" };
  }
}

/** What an import has done, or would do, for a person. */
export function importLines(plan: ImportPlan, look: Look): readonly string[] {
  const { dim, bold, green, yellow } = look;
  const { created, restored, updated, unchanged, kept, skipped } = reportOf(plan);
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
    bold(plan.source),
    ...(created === 0 ? [] : [`${green(counted(created, "record"))} created  ${dim(typesText(of("create")))}`]),
    ...(restored === 0 ? [] : [`${green(counted(restored, "record"))} restored  ${dim(typesText(of("restore")))}`]),
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
    ...(of("skipped").some(({ action }) => action.kind === "skipped" && action.isDeleted)
      ? [dim("  --restore brings back what was deleted here")]
      : []),
    ...list(
      `${counted(plan.omitted.length, "thing")} left out`,
      plan.omitted.map(({ label, reason }) => `${label} ${reason}`),
    ),
    ...list(
      `${counted(plan.gone.length, "record")} of this source that these files do not speak of; they stay`,
      plan.gone.map(({ label }) => label),
    ),
  ];
}

function typesText(steps: ImportPlan["steps"]): string {
  const types = Map.groupBy(steps, ({ record }) => (record.kind === "entity" ? record.type : record.kind));
  return [...types].map(([type, all]) => counted(all.length, type)).join(", ");
}

function updatedText({ keys, over }: Extract<ImportAction, { kind: "update" }>): string {
  if (keys.length === 0) return "remembered anew";
  return keys.map((key) => (over.includes(key) ? `${key} (over an edit)` : key)).join(", ");
}
