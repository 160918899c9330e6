import type { Client } from "@funkygibbon/client/client";
import type { GraphEditor } from "@funkygibbon/client/graph-editor";
import type { GraphView } from "@funkygibbon/client/graph-view";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { ImportFormat, ImportScope, Omission, SourceFile } from "./import-format.ts";
import { memoryIn } from "./import-memory.ts";
import { neededRecords } from "./needed-records.ts";
import { Reconciler } from "./reconcile.ts";
import type { SourceRecord } from "./source-record.ts";

/** What becomes of one record. */
export type ImportAction =
  | { readonly kind: "create"; readonly body: JsonObject }
  /** It was deleted here, and comes back as the source has it. */
  | { readonly kind: "restore"; readonly body: JsonObject }
  | {
      readonly kind: "update";
      readonly patch: JsonObject;
      readonly remove: readonly string[];
      /** Where an edge leads from now on; undefined: where it does. */
      readonly ends: { readonly from: RecordId; readonly to: RecordId } | undefined;
      /** The keys that change; none when only what the source says is remembered anew. */
      readonly keys: readonly string[];
      /** Of `keys`: those that somebody had edited before the source said something new. */
      readonly over: readonly string[];
    }
  /** The graph says the same already. */
  | { readonly kind: "unchanged" }
  /** Somebody has edited these keys since, and the source is as it was. */
  | { readonly kind: "kept"; readonly keys: readonly string[] }
  /** It does not become part of the graph. */
  | {
      readonly kind: "skipped";
      readonly reason: string;
      /** Whether the reason is that something was deleted here: see {@link ImportRequest.restoreDeleted}. */
      readonly isDeleted: boolean;
    };

/** One record of a source, and what becomes of it. */
export interface ImportStep {
  readonly record: SourceRecord;
  /** For a person: type and name, or which ends are connected. */
  readonly label: string;
  readonly action: ImportAction;
}

/** What an import will do, before it does anything. */
export interface ImportPlan {
  /** Which source, for example `homekit maple-street.json`. */
  readonly source: string;
  readonly steps: readonly ImportStep[];
  /** What stays out because it has no place in the graph. */
  readonly omitted: readonly Omission[];
  /** Records that this source has brought earlier and that these files do not speak of; they stay. An edge goes with its ends. */
  readonly gone: readonly { readonly id: RecordId; readonly label: string }[];
}

/** How many records an import creates, restores, updates and leaves alone. */
export interface ImportReport {
  readonly created: number;
  readonly restored: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly kept: number;
  readonly skipped: number;
}

/** What an import has to know of the graph. */
export type PresentGraph = Pick<GraphView, "entity" | "relationship" | "relationships" | "standing" | "find">;

/** What is imported, and into what. */
export interface ImportRequest {
  readonly graph: PresentGraph;
  readonly format: ImportFormat;
  readonly files: readonly SourceFile[];
  readonly scope: ImportScope;
  /** Whether what was deleted here comes back. Default: it is skipped. */
  readonly restoreDeleted?: boolean;
}

/**
 * Reads the files and compares them with the graph. Changes nothing.
 * @throws DomainError `invalid` naming file and line or path; nothing is planned then.
 */
export function planImport({ graph, format, files, scope, restoreDeleted = false }: ImportRequest): ImportPlan {
  const content = format.read(files, scope);
  const records = neededRecords(content.records, (id) => {
    const standing = graph.standing(id);
    return restoreDeleted && standing === "deleted" ? "unknown" : standing;
  });
  const source = `${format.name} ${scope.sourceName}`;
  const reconciler = new Reconciler({ graph, records, source, sha1: scope.sha1, restoreDeleted });
  return {
    source,
    steps: records.map((record) => reconciler.stepFor(record)),
    omitted: content.omitted,
    gone: goneFrom(graph, source, records),
  };
}

/**
 * Imports in one transaction, in which nothing can come between the plan and what it does.
 * @returns the plan that was carried out. @throws DomainError as {@link planImport}, and for a guest; nothing is changed then.
 */
export function importInto(client: Client, request: Omit<ImportRequest, "graph">): Promise<ImportPlan> {
  return client.edit((editor) => {
    const plan = planImport({ ...request, graph: client.graph });
    apply(editor, plan);
    return plan;
  });
}

/** Counts the steps of a plan. */
export function reportOf({ steps }: ImportPlan): ImportReport {
  const count = (kind: ImportAction["kind"]) => steps.filter(({ action }) => action.kind === kind).length;
  return {
    created: count("create"),
    restored: count("restore"),
    updated: count("update"),
    unchanged: count("unchanged"),
    kept: count("kept"),
    skipped: count("skipped"),
  };
}

function apply(editor: GraphEditor, { steps }: ImportPlan): void {
  for (const { record, action } of steps) {
    const { id, source } = record;
    if (action.kind === "create") create(editor, record, action.body);
    if (action.kind === "restore") editor.restore(id, { source, body: action.body, ...endsIn(record) });
    if (action.kind === "update") {
      if (action.ends !== undefined) editor.redirect(id, action.ends, { source });
      editor.update(id, action.patch, { remove: action.remove, source });
    }
  }
}

function create(editor: GraphEditor, record: SourceRecord, body: JsonObject): void {
  const { id, source } = record;
  if (record.kind === "entity") editor.create({ id, type: record.type, body, source });
  else editor.relate({ id, type: record.type, from: record.from, to: record.to, properties: body, source });
}

function endsIn(record: SourceRecord) {
  return record.kind === "entity" ? {} : { ends: { from: record.from, to: record.to } };
}

function goneFrom(graph: PresentGraph, source: string, records: readonly SourceRecord[]): ImportPlan["gone"] {
  const spokenOf = new Map(records.map((record) => [record.id, record]));
  const isGone = (id: RecordId, body: JsonObject) => !spokenOf.has(id) && memoryIn(body, source) !== undefined;
  const entities = graph.find({ where: ({ id, body }) => isGone(id, body) });
  // Of what is only guessed this time, the files that would tell more are not here.
  const edges = graph
    .relationships()
    .filter(({ from, to }) => spokenOf.get(from)?.basis.kind === "remembered" && spokenOf.has(to))
    .filter(({ id, properties }) => isGone(id, properties));
  const nameOf = (id: RecordId) => graph.entity(id)?.name || id;
  return [
    ...entities.map(({ id, type }) => ({ id, label: `${type} ${nameOf(id)}` })),
    ...edges.map(({ id, type, from, to }) => ({ id, label: `${nameOf(from)} ${type} ${nameOf(to)}` })),
  ];
}
