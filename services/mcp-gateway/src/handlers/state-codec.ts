import { createRequestStateCodec, type RequestStateCodec, type ServerContext } from "@modelcontextprotocol/server";
import { identityOf } from "./caller.ts";

/**
 * Seals what a question remembers until it is answered: signed, for this user, for ten minutes. `key` is the same on all
 * replicas, since the answer may come to another one.
 */
export function stateCodec(key: Uint8Array): RequestStateCodec<object> {
  return createRequestStateCodec({ key, bind: callerOf });
}

function callerOf(context: ServerContext): string {
  const identity = identityOf(context.http?.authInfo);
  return JSON.stringify([identity?.household, identity?.user]);
}
