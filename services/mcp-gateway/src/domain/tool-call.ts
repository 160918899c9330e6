import type { Identity } from "@funkygibbon/kernel/identity";

/** One call of one tool: who asks, through which assistant, and how it can be found again in history. */
export interface ToolCall {
  readonly identity: Identity;
  /** The assistant as it names itself, at most 64 printable characters; `unknown` when it does not. Never trusted, only shown. */
  readonly clientName: string;
  /** The tool's name, for example `update_entity`. */
  readonly tool: string;
  /** UUIDv7; every version that the call writes bears it, and a retry of the call's write is recognised by it. */
  readonly callId: string;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

const MAX_CLIENT_NAME = 64;

/** What an assistant calls itself, made fit for logs and history. */
export function tidyClientName(name: string | undefined): string {
  const tidy = (name ?? "")
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{S}]+/gu, " ")
    .trim()
    .slice(0, MAX_CLIENT_NAME)
    .trim();
  return tidy === "" ? "unknown" : tidy.toWellFormed();
}
