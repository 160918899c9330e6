import type { Identity } from "@funkygibbon/kernel/identity";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import type { Session } from "../domain/sessions.ts";
import { afterExpiry } from "./after-expiry.ts";
import type { LegacySubscriptions } from "./legacy-subscriptions.ts";
import type { Listeners } from "./listeners.ts";
import { PacedNotices } from "./paced-notices.ts";
import { watchedResponse } from "./watched-response.ts";

/** Serves the GET of revision 2025-11-25: a response that stays open and tells of what the session has subscribed to. */
export class LegacyListening {
  readonly #listeners: Listeners;
  readonly #subscriptions: LegacySubscriptions;
  readonly #open = new Set<WebStandardStreamableHTTPServerTransport>();

  constructor(listeners: Listeners, subscriptions: LegacySubscriptions) {
    this.#listeners = listeners;
    this.#subscriptions = subscriptions;
  }

  async serve(request: Request, session: Session, identity: Identity): Promise<Response> {
    const stream = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    const notices = new PacedNotices((uri) => {
      void stream.send({ jsonrpc: "2.0", method: "notifications/resources/updated", params: { uri } });
    });
    const place = this.#listeners.join({
      ...session,
      uris: () => this.#subscriptions.of(session),
      tell: (uri) => notices.tell(uri),
    });
    if ("refusal" in place) return tooMany(place.refusal);
    this.#open.add(stream);
    const end = () => void stream.close();
    const expiry = afterExpiry(identity, end);
    request.signal.addEventListener("abort", end, { once: true });
    return watchedResponse(await stream.handleRequest(request), {
      onDemand: () => notices.demand(),
      onEnd: () => {
        expiry[Symbol.dispose]();
        place[Symbol.dispose]();
        this.#open.delete(stream);
      },
    });
  }

  /** Ends every listener; clients come back, to another replica. */
  close(): void {
    for (const stream of this.#open) void stream.close();
  }
}

function tooMany(message: string): Response {
  const body = { jsonrpc: "2.0", id: null, error: { code: -32_000, message } };
  return Response.json(body, { status: 429, headers: { "retry-after": "60" } });
}
