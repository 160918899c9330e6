import type { CallChange } from "../domain/activity-log.ts";
import { edgeText, type NamesById } from "../domain/edge-text.ts";
import { nameText } from "../domain/name-text.ts";

/** The entities by which the relationships among these changes are told. */
export function endsOf(changes: readonly CallChange[]): readonly string[] {
  return changes.flatMap(({ ends }) => (ends === undefined ? [] : [ends.fromId, ends.toId]));
}

/** `Lamp`, or `Lamp located_in Kitchen`. */
export function recordText({ type, name, ends }: CallChange, names: NamesById): string {
  if (ends !== undefined) return edgeText({ type, ...ends }, names);
  return nameText(name);
}

/** `created Lamp (device, id 0192…)`. */
export function changeText(change: CallChange, names: NamesById): string {
  const { type, recordId } = change;
  return `${change.change} ${recordText(change, names)} (${type}, id ${recordId})`;
}
