import type { GraphView } from "@funkygibbon/client/graph-view";
import type { GetConflictResponse } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import type { JsonValue } from "@funkygibbon/kernel/json";
import type { ConflictRow } from "@funkygibbon/kernel/record";
import { recordTitle, valueText } from "./entity.ts";
import { type Look, plain, shortId } from "./look.ts";
import { table } from "./table.ts";

/** A conflict as `--json` tells it. */
export type ConflictData = ReturnType<typeof conflictData>;

/** The fields of a conflict that `--json` tells; `local` is the device's side, `server` the head's. */
export function conflictData(conflict: ConflictRow) {
  const { id, record, recordKind, type, decision, strategy, fields, etag, settledBy } = conflict;
  return {
    id,
    record,
    record_kind: recordKind,
    type,
    decision,
    strategy,
    etag,
    local: { author: conflict.localAuthor, device: conflict.localDevice, version: conflict.localVersion },
    server: {
      author: conflict.serverAuthor ?? "",
      device: conflict.serverDevice ?? "",
      version: conflict.serverVersion ?? "",
    },
    opened_at: isoOf(conflict.openedUs),
    settled_at: conflict.settledUs === 0 ? undefined : isoOf(conflict.settledUs),
    settled_by: settledBy,
    fields: fields.map(({ field, localJson, serverJson, baseJson, decidedJson, rule }) => ({
      field,
      local: parsed(localJson),
      server: parsed(serverJson),
      base: parsed(baseJson),
      decided: parsed(decidedJson),
      rule,
    })),
  };
}

/** What a conflict is about, for a person. */
export function conflictTitle({ record, recordKind }: Pick<ConflictRow, "record" | "recordKind">, graph: GraphView) {
  return recordTitle(graph, record) ?? `${recordKind} …${shortId(record)} (deleted)`;
}

/** Every key of either side, as the server explains it. */
export function explanationData({ fields }: GetConflictResponse) {
  return fields.map(({ values, equal, explanation }) => ({
    field: values?.field ?? "",
    local: parsed(values?.localJson),
    server: parsed(values?.serverJson),
    base: parsed(values?.baseJson),
    decided: parsed(values?.decidedJson),
    rule: values?.rule ?? "",
    equal,
    explanation,
  }));
}

/** A conflict explained key by key, in columns. */
export function explanationLines(
  conflict: ConflictData,
  explanation: ReturnType<typeof explanationData>,
  { title, look }: { readonly title: string; readonly look: Look },
): readonly string[] {
  const { bold, dim, yellow } = look;
  type Row = (typeof explanation)[number];
  const side = (key: "base" | "local" | "server" | "decided") => (row: Row) => valueText(row[key]) || "nothing";
  const columns = [
    { title: "key", of: ({ field }: Row) => plain(field), paint: look.cyan },
    { title: "before", of: side("base"), paint: dim },
    { title: conflict.local.device || "device", of: side("local") },
    { title: `${conflict.server.device || "server"} (head)`, of: side("server") },
    ...(conflict.decision === "open" ? [] : [{ title: "decided", of: side("decided"), paint: look.green }]),
  ];
  const differing = explanation.filter(({ equal }) => !equal);
  const reasons = [...Map.groupBy(differing, ({ explanation: text }) => text)].filter(([text]) => text !== "");
  return [
    `${bold(title)}  ${yellow(conflict.decision)}  ${dim(conflict.id)}`,
    ...table(differing, columns, { width: look.width, title: bold }),
    ...reasons.map(([text, rows]) => dim(plain(`${rows.map(({ field }) => field).join(", ")}: ${text}`))),
  ];
}

function parsed(json: string | undefined): JsonValue | undefined {
  return json === undefined ? undefined : (JSON.parse(json) as JsonValue);
}

function isoOf(us: number): string {
  return new Date(us / 1_000).toISOString();
}
