import { scanJson } from "@funkygibbon/kernel/json-scan";

/** A JSON-RPC message, or the refusal to send for what is none. */
export type StrictMessage = { readonly message: unknown; readonly fault?: never } | { readonly fault: Response };

/**
 * JSON.parse changes a number that a double cannot hold, and drops the first of two equal keys, without a word; the
 * result would be stored as if the model had said so. Refused here, while the text is still there.
 */
export function parseStrictly(text: string): StrictMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { fault: protocolError(-32_700, "Parse error: the body is not JSON", null) };
  }
  // Batches went with revision 2025-06-18; a hundred calls in one request would count as one.
  if (Array.isArray(message)) return { fault: protocolError(-32_600, "Invalid request: one message at a time", null) };
  const found = scanJson(text);
  if (found === undefined) return { message };
  return { fault: protocolError(-32_600, `Invalid request: the JSON ${found.description}`, idOf(message)) };
}

function protocolError(code: number, message: string, id: string | number | null): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id }, { status: 400 });
}

/** The id of a request, as far as it has one. */
export function idOf(message: unknown): string | number | null {
  if (typeof message !== "object" || message === null || !("id" in message)) return null;
  return typeof message.id === "string" || typeof message.id === "number" ? message.id : null;
}
