import type { Identity } from "@funkygibbon/kernel/identity";
import {
  createMcpHandler,
  type McpHandlerRequestOptions,
  type McpHttpHandler,
  type McpServerFactory,
  ProtocolErrorCode,
  type ServerEvent,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { afterExpiry } from "./after-expiry.ts";
import { type Listeners, MAX_SUBSCRIPTIONS } from "./listeners.ts";
import { PacedNotices } from "./paced-notices.ts";
import { watchedResponse } from "./watched-response.ts";

const listenSchema = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.literal("subscriptions/listen"),
  params: z.object({
    notifications: z.object({ resourceSubscriptions: z.array(z.string()).optional() }),
  }),
});

/** A `subscriptions/listen` of revision 2026-07-28. */
export type ListenMessage = z.output<typeof listenSchema>;

/** The message, if it is one. */
export function asListen(message: unknown): ListenMessage | undefined {
  return listenSchema.safeParse(message).data;
}

/** Serves the subscriptions of revision 2026-07-28: a response that stays open and tells of changes. */
export class ModernListening {
  readonly #factory: McpServerFactory;
  readonly #listeners: Listeners;
  readonly #open = new Set<McpHttpHandler>();

  constructor(factory: McpServerFactory, listeners: Listeners) {
    this.#factory = factory;
    this.#listeners = listeners;
  }

  /**
   * Answers one. Each is served by a handler of its own, whose bus carries this user's household alone: the SDK's handler
   * tells all its subscribers the same.
   */
  async serve(
    message: ListenMessage,
    identity: Identity,
    { request, inputs }: { readonly request: Request; readonly inputs: McpHandlerRequestOptions },
  ): Promise<Response> {
    const uris = message.params.notifications.resourceSubscriptions ?? [];
    if (uris.length > MAX_SUBSCRIPTIONS) {
      const problem = `One listener may hear of ${MAX_SUBSCRIPTIONS} resources, not of ${uris.length}`;
      return refusal(message.id, ProtocolErrorCode.InvalidParams, problem);
    }
    let deliver = (_: ServerEvent) => {};
    const notices = new PacedNotices((uri) => deliver({ kind: "resource_updated", uri }));
    const place = this.#listeners.join({ ...identity, uris: () => uris, tell: (uri) => notices.tell(uri) });
    if ("refusal" in place) return refusal(message.id, ProtocolErrorCode.InternalError, place.refusal);
    const handler = createMcpHandler(this.#factory, {
      legacy: "reject",
      bus: {
        publish: () => {},
        subscribe(listener) {
          deliver = listener;
          return () => {};
        },
      },
    });
    this.#open.add(handler);
    const expiry = afterExpiry(identity, () => void handler.close());
    const response = await handler.fetch(request, inputs);
    return watchedResponse(response, {
      onDemand: () => notices.demand(),
      onEnd: () => {
        expiry[Symbol.dispose]();
        place[Symbol.dispose]();
        this.#open.delete(handler);
      },
    });
  }

  /** Ends every subscription in good order. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((handler) => handler.close()));
  }
}

function refusal(id: string | number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id, error: { code, message } });
}
