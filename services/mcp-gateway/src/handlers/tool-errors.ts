import { DomainError } from "@funkygibbon/kernel/errors";
import { assertNever } from "@funkygibbon/kernel/must";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { type ArgumentFault, ToolFault } from "../domain/tool-fault.ts";
import { describe } from "./present.ts";

/** The key of a failed result's `_meta` under which programs find what the text says. */
export const ERROR_META_KEY = "funkygibbon.dev/error";

/** What our services call an argument, and what the tools call it. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  id: "entity_id",
  body_json: "content",
  properties_json: "properties",
  edited_body_json: "content",
  author: "user",
  record_id: "record",
  from_id: "from",
  to_id: "to",
  update_mask: "content",
  page_token: "cursor",
  page_size: "limit",
  located_in_id: "within",
};

/** A failed call as a result that a model can read, understand and do better after. */
export function failedResult(error: unknown, callId: string): CallToolResult {
  const fault = toFault(error, callId);
  return {
    isError: true,
    content: [{ type: "text", text: textOf(fault) }],
    _meta: {
      [ERROR_META_KEY]: {
        reason: fault.reason,
        call_id: callId,
        ...(fault.arguments.length === 0 ? {} : { arguments: fault.arguments }),
        ...(fault.suggestions.length === 0 ? {} : { suggestions: fault.suggestions }),
      },
    },
  };
}

/** What went wrong with a call, in the words that {@link failedResult} has for it. */
export function failedText(error: unknown, callId: string): string {
  return textOf(toFault(error, callId));
}

function toFault(error: unknown, callId: string): ToolFault {
  return error instanceof ToolFault ? error : faultOf(error, callId);
}

function textOf(fault: ToolFault): string {
  const lines = [fault.message, ...fault.arguments.map(argumentLine)];
  if (fault.suggestions.length > 0) {
    lines.push("Perhaps meant:", ...fault.suggestions.map((ref) => `- ${describe(ref)}`));
  }
  if (fault.hint !== undefined) lines.push(fault.hint);
  return lines.join("\n");
}

function argumentLine({ field, problem, allowed, nearest }: ArgumentFault): string {
  const parts = [`- ${field} ${problem}`];
  if (nearest !== undefined && nearest.length > 0) parts.push(`nearest: ${nearest.join(", ")}`);
  if (allowed !== undefined) parts.push(`allowed: ${allowed.join(", ")}`);
  return parts.join("; ");
}

function faultOf(error: unknown, callId: string): ToolFault {
  if (!(error instanceof DomainError)) return ourFault(callId);
  const { kind, reason, message } = error;
  switch (kind) {
    case "invalid":
      return new ToolFault(error.fields.length === 0 ? message : "The arguments are not right.", {
        reason,
        arguments: error.fields.map(({ field, description }) => ({ field: toolField(field), problem: description })),
      });
    case "not-found":
      return new ToolFault(message, { reason, hint: "Find ids with search_entities." });
    case "already-exists":
    case "failed-precondition":
      return new ToolFault(message, { reason });
    case "stale": {
      const current = error.details.etag;
      const now = current === undefined ? "" : ` Its etag is now ${current}.`;
      return new ToolFault(`Somebody has changed it since you read it.${now}`, {
        reason,
        hint: "Read it again with get_entity_details, then decide whether your change still makes sense.",
      });
    }
    case "permission-denied":
      return new ToolFault(message, { reason, hint: "Tell the user that this needs another role in the household." });
    case "unauthenticated":
      return new ToolFault("The sign-in is no longer valid.", { reason, hint: "Ask the user to sign in again." });
    case "exhausted":
    case "unavailable":
    case "deadline-exceeded":
      return new ToolFault("The home graph cannot answer right now.", { reason, hint: retryHint(error) });
    case "cancelled":
      return new ToolFault("The call was cancelled.", { reason });
    case "unimplemented":
    case "internal":
      return ourFault(callId);
    default:
      return assertNever(kind, "kind of error");
  }
}

function ourFault(callId: string): ToolFault {
  return new ToolFault(`Something went wrong on our side; our logs know it as call ${callId}.`, { reason: "INTERNAL" });
}

function retryHint(error: DomainError): string {
  const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 1_000) / 1_000));
  return `Try again in ${seconds} s. If this was a change, look first whether it has been made.`;
}

/** `body_json.name` → `content.name`. */
function toolField(field: string): string {
  const [head = "", ...rest] = field.split(".");
  return [FIELD_NAMES[head] ?? head, ...rest].join(".");
}
