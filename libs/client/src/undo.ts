import type { RecordId } from "@funkygibbon/kernel/ids";
import { type JsonObject, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import { endsOf } from "./edit-queue.ts";
import type { GraphEditor } from "./graph-editor.ts";
import { bodyOf } from "./replica-record.ts";
import type { ReplicaTransaction, Visible } from "./replica-transaction.ts";

/** What one transaction did to one record. */
interface RecordStep {
  readonly record: RecordId;
  readonly before: Visible | undefined;
  readonly after: Visible | undefined;
}

/** What one transaction of this client did. */
export type UndoStep = readonly RecordStep[];

/** What a transaction has done so far. */
export function stepOf(tx: ReplicaTransaction): UndoStep {
  return [...tx.changedEdits().keys()].map((record) => ({
    record,
    before: tx.visibleBefore(record),
    after: tx.visible(record),
  }));
}

/** The transaction in which a step is taken back. */
export interface Undoing {
  readonly editor: GraphEditor;
  readonly tx: ReplicaTransaction;
  /** Ids of the edges at an entity that were live before the transaction. */
  readonly edgesAt: (entity: RecordId) => Iterable<RecordId>;
}

/**
 * Edits the graph so that the step's work is gone, as far as nobody has touched it since: what others have edited, or
 * led an edge to, or this client edited later, stays. @returns whether anything was taken back.
 */
export function takeBack(undoing: Undoing, step: UndoStep): boolean {
  // Ends come back before their edges, and go after them.
  const ordered = [...step].sort((a, b) => turnOf(a) - turnOf(b));
  return ordered.map((one) => takeRecordBack(undoing, one)).some(Boolean);
}

function takeRecordBack(undoing: Undoing, { record, before, after }: RecordStep): boolean {
  const { editor, tx } = undoing;
  const now = tx.visible(record);
  if (isLive(before)) {
    if (isLive(after)) return isLive(now) && takeKeysBack(undoing, now, { before, after });
    return hasLiveEnds(tx, before) && bringBack(editor, before, now);
  }
  if (!isLive(after) || !isLive(now) || !saysTheSame(now, after)) return false;
  // What was restored got its edges back by that, and loses them with it.
  if (before === undefined && isBuiltUpon(undoing, record)) return false;
  editor.remove(record);
  return true;
}

/** Whether edges are left at an entity, once those of the step are gone. */
function isBuiltUpon({ tx, edgesAt }: Undoing, entity: RecordId): boolean {
  for (const edge of edgesAt(entity)) {
    const now = tx.visible(edge);
    if (isLive(now) && hasLiveEnds(tx, now)) return true;
  }
  return false;
}

function bringBack(editor: GraphEditor, before: Visible, now: Visible | undefined): boolean {
  const { record, content } = before;
  if (isLive(now)) return false;
  if (now !== undefined) {
    editor.restore(record);
    return true;
  }
  // It was created and deleted before anybody heard of it.
  const body = bodyOf(before);
  if (content.kind === "entity") editor.create({ id: record, type: content.type, source: content.source, body });
  else editor.relate({ ...content, id: record, properties: body });
  return true;
}

function takeKeysBack(
  { editor, tx }: Undoing,
  now: Visible,
  { before, after }: { before: Visible; after: Visible },
): boolean {
  const [was, became, is] = [before, after, now].map(bodyOf) as [JsonObject, JsonObject, JsonObject];
  const mine = [...new Set([...Object.keys(was), ...Object.keys(became)])].filter(
    (key) => !jsonEquals(jsonGet(was, key), jsonGet(became, key)) && jsonEquals(jsonGet(is, key), jsonGet(became, key)),
  );
  const patch = Object.fromEntries(mine.flatMap((key) => (Object.hasOwn(was, key) ? [[key, was[key] ?? null]] : [])));
  const remove = mine.filter((key) => !Object.hasOwn(was, key));
  const changed = mine.length > 0 && editor.update(now.record, patch, { remove });
  return (hasLiveEnds(tx, before) && takeEndsBack(editor, now, { before, after })) || changed;
}

function takeEndsBack(
  editor: GraphEditor,
  now: Visible,
  { before, after }: { before: Visible; after: Visible },
): boolean {
  const [was, became, is] = [before.content, after.content, now.content];
  if (was.kind !== "relationship" || became.kind !== "relationship" || is.kind !== "relationship") return false;
  const moved = was.from !== became.from || was.to !== became.to;
  if (!moved || is.from !== became.from || is.to !== became.to) return false;
  return editor.redirect(now.record, { from: was.from, to: was.to });
}

function saysTheSame(a: Visible, b: Visible): boolean {
  const [one, other] = [a.content, b.content];
  if (one.kind === "relationship" && other.kind === "relationship") {
    if (one.from !== other.from || one.to !== other.to) return false;
  }
  return jsonEquals(bodyOf(a), bodyOf(b));
}

/** Whether nothing that it leads to has been deleted; of an entity always. */
function hasLiveEnds(tx: ReplicaTransaction, { content }: Visible): boolean {
  return endsOf(content).every((end) => isLive(tx.visible(end)));
}

function isLive(visible: Visible | undefined): visible is Visible {
  return visible !== undefined && !visible.deleted;
}

function turnOf({ before, after }: RecordStep): number {
  const isEntity = (before ?? after)?.content.kind === "entity";
  const returns = isLive(before) && !isLive(after);
  if (isEntity) return returns ? 0 : 2;
  return 1;
}
