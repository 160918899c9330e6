import type { MessageInitShape } from "@bufbuild/protobuf";
import type { OriginSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { CallOptions } from "@funkygibbon/rpc/client-call";
import type { ToolCall } from "../domain/tool-call.ts";
import type { ActorMint } from "./actor-mint.ts";

/** The credentials and limits with which a tool call reaches the services behind us; never the assistant's own token. */
export async function callOptions(call: ToolCall, actors: ActorMint): Promise<CallOptions> {
  return { actor: await actors.actorFor(call), signal: call.signal, requestId: call.callId };
}

/** What every write says of its making, by which it is known again. */
export function receiptOf(call: ToolCall, dryRun: boolean) {
  const origin: MessageInitShape<typeof OriginSchema> = {
    channel: "mcp",
    clientName: call.clientName,
    tool: call.tool,
    callId: call.callId,
  };
  return { requestId: call.callId, origin, validateOnly: dryRun };
}
