import { DomainError } from "@funkygibbon/kernel/errors";
import { ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import { ToolFault } from "../domain/tool-fault.ts";
import { failedText } from "./tool-errors.ts";

/** A fault in the form of the protocol, for all that is no tool: a client shows it to a person, not to a model. */
export function protocolError(error: unknown, callId: string): ProtocolError {
  if (error instanceof ProtocolError) return error;
  const code = isTheCallers(error) ? ProtocolErrorCode.InvalidParams : ProtocolErrorCode.InternalError;
  return new ProtocolError(code, failedText(error, callId));
}

const CALLERS_FAULTS = new Set(["invalid", "not-found", "already-exists", "failed-precondition", "permission-denied"]);

function isTheCallers(error: unknown): boolean {
  return error instanceof ToolFault || (error instanceof DomainError && CALLERS_FAULTS.has(error.kind));
}
