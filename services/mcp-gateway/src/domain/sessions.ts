import type { HouseholdId, UserId } from "@funkygibbon/kernel/ids";

/** A session of a client of revision 2025-11-25. It belongs to one user: its id alone opens nothing. */
export interface Session {
  readonly household: HouseholdId;
  readonly user: UserId;
  /** As in the header Mcp-Session-Id. */
  readonly id: string;
}

/** The same for the same session, and for no other. */
export function sessionKey({ household, user, id }: Session): string {
  return JSON.stringify([household, user, id]);
}

/** What a client said that belongs to another of its HTTP requests. */
export type Said =
  /** A JSON-RPC message about a request at work: the answer to a question, or that it is cancelled. */
  | { readonly kind: "message"; readonly message: unknown }
  /** Whether it wants to hear of changes of a resource. */
  | { readonly kind: "subscribe" | "unsubscribe"; readonly uri: string };

/** The other replicas, any of which may serve the HTTP request that something was said about. */
export interface SessionPeers {
  /** Tells them; nothing waits or fails for it. */
  tell(session: Session, said: Said): void;
  /** Calls `listener` with what others tell. */
  listen(listener: (session: Session, said: Said) => void): AsyncDisposable;
}
