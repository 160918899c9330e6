import type { Clock, Micros } from "@funkygibbon/kernel/clock";
import { signActor } from "@funkygibbon/rpc/auth";
import type { ToolCall } from "../domain/tool-call.ts";

/** For whom a tool call is made, as a credential that the services behind us accept together with our own. */
export interface ActorMint {
  actorFor(call: ToolCall): Promise<string>;
}

/** Half of what a signed actor lives, so that one always outlives the call that it goes out with. */
const REUSE_US = 30_000_000;
const CAPACITY = 10_000;

/**
 * Signs actors. One is used again for the same caller for 30 s, so that a burst of calls costs one signature here and
 * one verification there.
 */
export function createActorMint(options: { readonly secret: string; readonly clock: Clock }): ActorMint {
  const minted = new Map<string, { readonly actor: Promise<string>; readonly freshUntil: Micros }>();
  return {
    actorFor({ identity, clientName }) {
      const { user, household, role, scopes } = identity;
      const key = JSON.stringify([household, user, role, scopes, clientName]);
      const now = options.clock.now();
      const known = minted.get(key);
      if (known !== undefined && known.freshUntil > now) return known.actor;
      const actor = signActor(
        { user, household, role, scopes, client: clientName },
        { secret: options.secret, issuer: "service:mcp-gateway", clock: options.clock },
      );
      // Set anew at the end: a Map iterates in the order of insertion, so the first key is the oldest.
      minted.delete(key);
      minted.set(key, { actor, freshUntil: now + REUSE_US });
      if (minted.size > CAPACITY) minted.delete(minted.keys().next().value ?? key);
      return actor;
    },
  };
}
