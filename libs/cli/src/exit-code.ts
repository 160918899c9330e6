import { DomainError } from "@funkygibbon/kernel/errors";
import { assertNever } from "@funkygibbon/kernel/must";

/** A person would rather not: what a shell says of a program that Ctrl-C has ended. */
export const INTERRUPTED_CODE = 130;

/** What the exit code of gibbon says. Never renumbered. */
export const EXIT_CODES = [
  { code: 0, meaning: "done" },
  { code: 1, meaning: "a fault of ours; please tell us" },
  { code: 2, meaning: "what was typed cannot be meant: wrong option, argument or type" },
  { code: 3, meaning: "there is no such thing, or several of that name" },
  { code: 4, meaning: "refused: a malformed file, a rule of the graph, a conflict that was settled meanwhile" },
  { code: 5, meaning: "not allowed: no valid token, or not with this role" },
  { code: 6, meaning: "not now: the server does not answer, or another gibbon is at work" },
  { code: 7, meaning: "not set up: gibbon login has to come first, or a newer Node" },
  { code: INTERRUPTED_CODE, meaning: "interrupted (Ctrl-C)" },
] as const;

/** The exit code for something that was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (!(thrown instanceof DomainError)) return 1;
  if (thrown.reason === "USAGE") return 2;
  if (thrown.reason === "NOT_SET_UP") return 7;
  if (thrown.reason === "INTERRUPTED") return INTERRUPTED_CODE;
  if (thrown.reason === "STORE_IN_USE") return 6;
  switch (thrown.kind) {
    case "not-found":
      return 3;
    case "invalid":
    case "already-exists":
    case "stale":
    case "failed-precondition":
    case "unimplemented":
      return 4;
    case "permission-denied":
    case "unauthenticated":
      return 5;
    case "exhausted":
    case "unavailable":
    case "deadline-exceeded":
    case "cancelled":
      return 6;
    case "internal":
      return 1;
    default:
      return assertNever(thrown.kind, "error kind");
  }
}
