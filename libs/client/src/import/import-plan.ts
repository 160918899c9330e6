import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { type JsonObject, jsonEquals } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { GraphEditor } from "../graph-editor.ts";
import type { GraphView } from "../graph-view.ts";

/** A record as a source has it. */
export type SourceRecord =
  | {
      readonly kind: "entity";
      readonly id: RecordId;
      readonly type: EntityType;
      readonly body: JsonObject;
      /** Belongs to the people rather than to the source (homes, rooms): created when missing, never changed. */
      readonly shared: boolean;
    }
  | {
      readonly kind: "relationship";
      readonly id: RecordId;
      readonly type: RelationshipType;
      readonly from: RecordId;
      readonly to: RecordId;
      readonly shared: boolean;
    };

/**
 * What becomes of one record:
 * - `create`, `update`: as it says.
 * - `unchanged`: the graph says the same already.
 * - `kept`: somebody has edited it since the import; their edit stays.
 * - `skipped`: it, or one of its ends, was deleted since; it stays deleted.
 */
export interface ImportStep {
  readonly action: "create" | "update" | "unchanged" | "kept" | "skipped";
  readonly record: SourceRecord;
  /** For a person: the name, or which ends are connected. */
  readonly label: string;
}

/** What an import will do, before it does anything. */
export interface ImportPlan {
  readonly source: SourceType;
  readonly steps: readonly ImportStep[];
}

/** How many records of each kind an import creates, updates and leaves alone. */
export interface ImportReport {
  readonly create: number;
  readonly update: number;
  readonly unchanged: number;
  readonly kept: number;
  readonly skipped: number;
}

/** Compares what a source has with the graph. Changes nothing. */
export function planImport(graph: GraphView, source: SourceType, records: readonly SourceRecord[]): ImportPlan {
  const names = new Map(records.map((record) => [record.id, nameOf(record)]));
  const gone = new Set(records.filter(({ id }) => graph.standing(id) === "deleted").map(({ id }) => id));
  const steps = records.map((record): ImportStep => {
    const label =
      record.kind === "entity"
        ? `${record.type} ${nameOf(record)}`
        : `${names.get(record.from) ?? record.from} ${record.type} ${names.get(record.to) ?? record.to}`;
    const action =
      record.kind === "entity" ? actionForEntity(graph, source, record) : actionForEdge(graph, source, record, gone);
    return { action, record, label };
  });
  return { source, steps };
}

/** Does what the plan says, as part of one transaction. */
export function applyImport(editor: GraphEditor, plan: ImportPlan): void {
  const { source } = plan;
  for (const { action, record } of plan.steps) {
    if (record.kind === "entity") {
      const { id, type, body } = record;
      if (action === "create") editor.create({ id, type, body, source });
      if (action === "update") editor.replace(id, body, { source });
    } else {
      const { id, type, from, to } = record;
      if (action === "create") editor.relate({ id, type, from, to, source });
      if (action === "update") editor.redirect(id, { from, to }, { source });
    }
  }
}

/** Counts the steps of a plan. */
export function reportOf(plan: ImportPlan): ImportReport {
  const report = { create: 0, update: 0, unchanged: 0, kept: 0, skipped: 0 };
  for (const { action } of plan.steps) report[action]++;
  return report;
}

function actionForEntity(
  graph: GraphView,
  source: SourceType,
  record: Extract<SourceRecord, { kind: "entity" }>,
): ImportStep["action"] {
  const standing = graph.standing(record.id);
  if (standing !== "live") return standing === "deleted" ? "skipped" : "create";
  const present = graph.entity(record.id);
  if (present === undefined || present.type !== record.type) return "kept";
  if (jsonEquals(present.body, record.body)) return "unchanged";
  if (record.shared) return "unchanged";
  // The source of the head tells who edited last: only what nobody has touched since is brought up to date.
  return present.source === source ? "update" : "kept";
}

function actionForEdge(
  graph: GraphView,
  source: SourceType,
  record: Extract<SourceRecord, { kind: "relationship" }>,
  gone: ReadonlySet<RecordId>,
): ImportStep["action"] {
  const standing = graph.standing(record.id);
  if (standing === "deleted" || gone.has(record.from) || gone.has(record.to)) return "skipped";
  if (standing === "unknown") return "create";
  const present = graph.relationship(record.id);
  if (present === undefined) return "skipped";
  if (present.from === record.from && present.to === record.to) return "unchanged";
  return present.source === source ? "update" : "kept";
}

function nameOf(record: SourceRecord): string {
  const name = record.kind === "entity" ? record.body.name : undefined;
  return typeof name === "string" ? name : record.id;
}
