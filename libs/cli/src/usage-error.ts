import { DomainError } from "@funkygibbon/kernel/errors";

/** What was typed cannot be meant. */
export function usageError(message: string): DomainError {
  return new DomainError("invalid", message, { reason: "USAGE" });
}

/** Something has to be set up first. @param message one sentence that says how. */
export function notSetUp(message: string): DomainError {
  return new DomainError("failed-precondition", message, { reason: "NOT_SET_UP" });
}
