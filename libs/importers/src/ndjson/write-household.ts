import type { EntityView, GraphView, RelationshipView } from "@funkygibbon/client/graph-view";
import { contentHash, type RecordContent, type Sha256 } from "@funkygibbon/kernel/content";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { canonicalJson } from "@funkygibbon/kernel/json";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import { HOUSEHOLD_FORMAT } from "./household-file.ts";

/** What is written, and of which household. */
export interface HouseholdExport {
  readonly graph: Pick<GraphView, "find" | "relationships">;
  readonly household: HouseholdId;
  readonly sha256: Sha256;
}

/**
 * The graph as a device sees it, its own edits included, as lines that {@link parseHouseholdFile} reads: each record as
 * it stands, without its history. The same graph gives the same text.
 */
export function* writeHousehold({ graph, household, sha256 }: HouseholdExport): Generator<string> {
  const records: readonly (EntityView | RelationshipView)[] = [...graph.find(), ...graph.relationships()];
  // `as_it_stands` keeps it from being taken for a whole log, which `entity-store import` wants.
  yield line({ line: "household", format: HOUSEHOLD_FORMAT, household, as_it_stands: true });
  for (const record of [...records].sort((a, b) => compareUtf8(a.kind + a.id, b.kind + b.id))) {
    const { id, version, source } = record;
    const content: RecordContent =
      record.kind === "entity"
        ? { kind: "entity", type: record.type, body: record.body }
        : { kind: "relationship", type: record.type, from: record.from, to: record.to, body: record.properties };
    const { body, ...frame } = content;
    yield line({
      line: "version",
      id,
      version,
      content: frame,
      body: canonicalJson(body ?? {}),
      deleted: false,
      contentHash: contentHash(content, sha256),
      source,
      head: true,
    });
  }
  yield line({ line: "end", lines: records.length + 1 });
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
