import type { Origin as WireOrigin } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import type { Origin } from "@funkygibbon/kernel/record";

const CHANNELS: readonly Origin["channel"][] = ["api", "mcp"];
const MAX_TEXT = 200;

/** The door of a call as it travels. */
export function originToWire({ channel, clientName, tool, callId }: Origin): WireOrigin {
  return { $typeName: "funkygibbon.entity.v1.Origin", channel, clientName, tool, callId };
}

/** @throws DomainError `invalid` naming the place, for example `origin.channel`. */
export function originFromWire(origin: WireOrigin): Origin {
  const channel = CHANNELS.find((known) => known === origin.channel);
  if (channel === undefined) throw invalid([{ field: "origin.channel", description: "must be api or mcp" }]);
  for (const [field, text] of [
    ["client_name", origin.clientName],
    ["tool", origin.tool],
    ["call_id", origin.callId],
  ] as const) {
    if (text.length > MAX_TEXT || text.includes("\u0000")) {
      throw invalid([{ field: `origin.${field}`, description: `must be at most ${MAX_TEXT} characters of text` }]);
    }
  }
  return { channel, clientName: origin.clientName, tool: origin.tool, callId: origin.callId };
}
