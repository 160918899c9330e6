import { z } from "zod";
import { tidyClientName } from "../domain/tool-call.ts";

/** The header that carries it, in lower case. */
export const SESSION_HEADER = "mcp-session-id";

const flag = z.object({}).optional();

/** Of what a client says of itself, what a server has any use for after `initialize`; the rest is dropped. */
const helloSchema = z.object({
  clientName: z.string().transform(tidyClientName),
  capabilities: z.object({
    elicitation: z.object({ form: flag, url: flag }).optional(),
    sampling: flag,
    roots: flag,
  }),
});

/** What a client of revision 2025-11-25 says of itself once, in `initialize`. */
export type ClientHello = z.output<typeof helloSchema>;

const SESSION_ID = /^[0-9a-f-]{36}\.([A-Za-z0-9_-]{1,800})$/;

/**
 * A session id for a client that says this in `initialize`. It carries what it said, so that no replica keeps anything
 * between requests. It proves nothing: the bearer token does, on every request.
 */
export function sessionIdFor(hello: ClientHello, uuid: string): string {
  return `${uuid}.${Buffer.from(JSON.stringify(hello)).toString("base64url")}`;
}

/** What a session id carries; undefined when there is none or it is not one of ours. */
export function helloIn(sessionId: string | null | undefined): ClientHello | undefined {
  const encoded = SESSION_ID.exec(sessionId ?? "")?.[1];
  return encoded === undefined ? undefined : parseHello(jsonOrUndefined(Buffer.from(encoded, "base64url").toString()));
}

/** A client's words in the form in which a session id carries them; undefined when they are not of that form. */
export function parseHello(said: unknown): ClientHello | undefined {
  return helloSchema.safeParse(said).data;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
