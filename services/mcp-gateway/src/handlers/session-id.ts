import { tidyClientName } from "../domain/tool-call.ts";

/** The header that carries it, in lower case. */
export const SESSION_HEADER = "mcp-session-id";

const SESSION_ID = /^[0-9a-f-]{36}\.([A-Za-z0-9_-]{0,400})$/;

/**
 * A session id for clients of revision 2025-11-25, which name themselves once, in `initialize`. It carries that name, so
 * that no replica keeps anything between requests. It proves nothing: the bearer token does, on every request.
 */
export function sessionIdFor(clientName: string | undefined, uuid: string): string {
  return `${uuid}.${Buffer.from(tidyClientName(clientName)).toString("base64url")}`;
}

/** The name in a session id; undefined when there is none or it is not one of ours. */
export function clientNameIn(sessionId: string | null): string | undefined {
  const encoded = SESSION_ID.exec(sessionId ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64url").toString("utf8");
}
