import { randomBytes } from "node:crypto";
import type { Identity } from "@funkygibbon/kernel/identity";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import { withCallScope } from "@funkygibbon/runtime/call-scope";
import { extractTrace } from "@funkygibbon/runtime/trace-context";
import type { McpServer, RequestStateCodec, ServerContext } from "@modelcontextprotocol/server";
import type { Ports } from "../domain/ports.ts";
import { tidyClientName } from "../domain/tool-call.ts";
import type { CallContext } from "./feature.ts";
import { protocolError } from "./protocol-errors.ts";

/** Options of {@link Calls}. */
export interface CallsOptions {
  readonly server: McpServer;
  readonly identity: Identity;
  readonly ports: Ports;
  readonly codec: RequestStateCodec<object>;
}

/** The calls of one caller: who asks, through which assistant, under which id. */
export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** What a call works with. `what` names it in history. */
  begin(what: string, sdk: ServerContext): CallContext {
    const { server, identity, ports, codec } = this.#options;
    return {
      ...ports,
      call: {
        identity,
        clientName: tidyClientName(server.server.getClientVersion()?.name),
        tool: what,
        callId: uuidV7(ports.clock.now(), randomBytes(10)),
        signal: sdk.mcpReq.signal,
      },
      request: sdk.mcpReq,
      seal: (remembered) => codec.mint(remembered, sdk),
    };
  }

  /** Runs the work of a call under its id and the caller's trace. */
  within<T>({ call }: CallContext, sdk: ServerContext, work: () => Promise<T>): Promise<T> {
    return withCallScope({ requestId: call.callId, trace: traceOf(sdk) }, work);
  }

  /** Both, for what is no tool: faults become errors of the protocol. */
  async run<T>(what: string, sdk: ServerContext, work: (context: CallContext) => Promise<T>): Promise<T> {
    const context = this.begin(what, sdk);
    try {
      return await this.within(context, sdk, () => work(context));
    } catch (error) {
      throw protocolError(error, context.call.callId);
    }
  }
}

/** The caller's trace: from the request's `_meta` (2026-07-28) or the HTTP headers. */
function traceOf({ mcpReq, http }: ServerContext) {
  return extractTrace((name) => {
    const value = mcpReq._meta?.[name];
    return typeof value === "string" ? value : (http?.req?.headers.get(name) ?? undefined);
  });
}
