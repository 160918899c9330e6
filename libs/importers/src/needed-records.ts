import type { RecordId } from "@funkygibbon/kernel/ids";
import type { PresentGraph } from "./import-plan.ts";
import type { SourceRecord } from "./source-record.ts";

/**
 * The records without the places that are there for guesses alone which nothing depends on any more: things that stand
 * somewhere already need no room for things of which nobody knows where they stand.
 */
export function neededRecords(
  records: readonly SourceRecord[],
  standing: PresentGraph["standing"],
): readonly SourceRecord[] {
  const [needed, guessed] = [new Set<RecordId>(), new Set<RecordId>()];
  for (const record of records) {
    if (record.kind === "entity") continue;
    const isIdle = record.basis.kind === "guessed" && standing(record.id) !== "unknown";
    (isIdle ? guessed : needed).add(record.to);
  }
  const isIdle = (id: RecordId) => guessed.has(id) && !needed.has(id) && standing(id) === "unknown";
  return records.filter((record) => {
    if (record.basis.kind !== "shared") return true;
    return !isIdle(record.kind === "entity" ? record.id : record.from);
  });
}
