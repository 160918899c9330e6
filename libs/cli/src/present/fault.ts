import { DomainError } from "@funkygibbon/kernel/errors";
import type { Look } from "./look.ts";
import { plain, shortId } from "./look.ts";

/** What went wrong, as `--json` tells it. */
export interface FaultData {
  readonly kind: string;
  /** Stable, UPPER_SNAKE_CASE. */
  readonly reason: string;
  readonly message: string;
  readonly fields?: readonly { readonly field: string; readonly description: string }[];
  /** What may have been meant. */
  readonly suggestions?: readonly { readonly id: string; readonly label: string }[];
}

/** The fault in something that was thrown. */
export function faultOf(thrown: unknown): FaultData {
  if (!(thrown instanceof DomainError)) {
    const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return { kind: "internal", reason: "INTERNAL", message };
  }
  const { kind, reason, message, fields, details } = thrown;
  const suggestions = reason === "NOT_FOUND" ? Object.entries(details).filter(([id]) => id.length === 36) : [];
  return {
    kind,
    reason,
    message,
    ...(fields.length === 0 ? {} : { fields }),
    ...(suggestions.length === 0 ? {} : { suggestions: suggestions.map(([id, label]) => ({ id, label })) }),
  };
}

/** The fault for a person: one sentence, and what may have been meant. */
export function faultLines({ message, suggestions = [] }: FaultData, { red, dim }: Look): readonly string[] {
  return [
    `${red("gibbon:")} ${message.split("\n").map(plain).join("\n")}`,
    ...(suggestions.length === 0 ? [] : ["Did you mean"]),
    ...suggestions.map(({ id, label }) => `  ${plain(label)}  ${dim(`…${shortId(id)}`)}`),
  ];
}
