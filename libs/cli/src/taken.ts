import type { Client } from "@funkygibbon/client/client";
import { failedPrecondition } from "@funkygibbon/kernel/errors";
import { conflictTypes } from "@funkygibbon/wire/outcomes";

/**
 * What was just written, as it is seen now that the server has answered.
 * @throws DomainError `failed-precondition` saying why it is not seen: the server has the last word.
 */
export function mustBeTaken<Record>(client: Client, id: string, seen: Record | undefined): Record {
  if (seen !== undefined) return seen;
  throw failedPrecondition("NOT_TAKEN", `the home has not taken it: ${whyNot(client, id)}`);
}

function whyNot(client: Client, id: string): string {
  const rejected = client.deadLetters().find(({ record }) => record === id);
  if (rejected?.state.kind === "dead") return rejected.state.rejection.message;
  const conflict = client.conflicts.findLast(({ recordId }) => recordId === id);
  const type = conflict && conflictTypes.fromWire(conflict.conflictType);
  return type === "cyclic_relationship" ? "something would be within itself" : "it, or what it connects, was deleted";
}
