import type { IncomingMessage, ServerResponse } from "node:http";

/** A plain HTTP/1.1 handler beside the RPCs, for example MCP. Host and origin have been checked before it is called. */
export type HttpRoute = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
