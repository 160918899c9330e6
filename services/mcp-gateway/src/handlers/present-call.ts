import type { CallChange } from "../domain/activity-log.ts";

/** `created device Lamp (id 0192…)`, `deleted relationship 0192… located_in 0192… (id 0192…)`. */
export function changeText({ change, kind, type, name, ends, recordId }: CallChange): string {
  const what =
    ends === undefined ? `${type} ${name === "" ? "(no name)" : name}` : `${kind} ${ends.fromId} ${type} ${ends.toId}`;
  return `${change} ${what} (id ${recordId})`;
}
