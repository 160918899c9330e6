import { permissionDenied } from "@funkygibbon/kernel/errors";
import { type Identity, mayWrite } from "@funkygibbon/kernel/identity";
import type { CallContext } from "@funkygibbon/rpc/call";
import type { OnBehalfOf } from "../domain/conflict-store.ts";

/** Passes on what the caller presented and we have verified, so that entity-store acts for the same user. */
export function onBehalfOf(call: CallContext): OnBehalfOf {
  return {
    token: call.headers.get("authorization")?.replace(/^Bearer /i, ""),
    actor: call.headers.get("x-actor"),
    signal: call.signal,
  };
}

/** @throws DomainError `permission-denied` for a guest. */
export function requireWriter(call: CallContext): Identity {
  const identity = call.requireIdentity();
  if (!mayWrite(identity.role))
    throw permissionDenied("guests may look at conflicts, not settle them", "READ_ONLY_ROLE");
  return identity;
}

/** @throws DomainError `permission-denied` for anyone but an owner. */
export function requireOwner(call: CallContext): Identity {
  const identity = call.requireIdentity();
  if (identity.role !== "owner") throw permissionDenied("only owners set policies", "OWNERS_ONLY");
  return identity;
}
