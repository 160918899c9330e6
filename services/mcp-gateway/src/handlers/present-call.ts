import type { CallChange, KeptRecord } from "../domain/activity-log.ts";
import { edgeText, type NamesById } from "../domain/edge-text.ts";
import { nameText } from "../domain/name-text.ts";

type RecordName = Pick<CallChange, "type" | "name" | "ends">;

/** The entities by which the relationships among these changes are told. */
export function endsOf(changes: readonly Pick<CallChange, "ends">[]): readonly string[] {
  return changes.flatMap(({ ends }) => (ends === undefined ? [] : [ends.fromId, ends.toId]));
}

/** `Lamp`, or `Lamp located_in Kitchen`. */
export function recordText({ type, name, ends }: RecordName, names: NamesById): string {
  if (ends !== undefined) return edgeText({ type, ...ends }, names);
  return nameText(name);
}

/** `settled a conflict by leaving Lamp (device, id 0192…) as it was`. */
export function keptText(kept: KeptRecord, names: NamesById): string {
  return `settled a conflict by leaving ${recordText(kept, names)} (${kept.type}, id ${kept.recordId}) as it was`;
}

/** `created Lamp (device, id 0192…)`. */
export function changeText(change: CallChange, names: NamesById): string {
  const { type, recordId } = change;
  return `${change.change} ${recordText(change, names)} (${type}, id ${recordId})`;
}
