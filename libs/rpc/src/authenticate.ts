import { permissionDenied, unauthenticated } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { TokenVerifier } from "./auth.ts";
import type { RequestHeaders, ServiceIdentity } from "./call.ts";
import type { Access } from "./service.ts";

/** Who calls, as far as the access class of the service asks. */
export interface Caller {
  readonly identity: Identity | undefined;
  readonly service: ServiceIdentity | undefined;
}

const NOBODY: Caller = { identity: undefined, service: undefined };

/** Verifies the credentials that came along and refuses a caller whom the access class does not admit. */
export async function authenticate(access: Access, headers: RequestHeaders, verifier: TokenVerifier): Promise<Caller> {
  if (access === "open") return NOBODY;
  const userToken = bearerToken(headers, "authorization");
  const serviceToken = bearerToken(headers, "x-service-authorization");
  const actorToken = headers.get("x-actor");

  if (access === "service" && serviceToken === undefined) {
    // The user is checked first, so that a bad token is called a bad token.
    if (userToken === undefined) throw unauthenticated("a service credential is required");
    await verifier.verifyUser(userToken);
    throw permissionDenied("this service is internal; a user's token alone does not open it", "SERVICE_ONLY");
  }
  if (userToken !== undefined && actorToken !== undefined) {
    throw unauthenticated("present either a user's token or an actor, not both");
  }
  if (actorToken !== undefined && serviceToken === undefined) {
    throw unauthenticated("an actor is accepted only with a service credential");
  }

  const service = serviceToken === undefined ? undefined : await verifier.verifyService(serviceToken);
  const identity =
    userToken !== undefined
      ? await verifier.verifyUser(userToken)
      : actorToken !== undefined
        ? await verifier.verifyActor(actorToken)
        : undefined;
  if (access === "user" && identity === undefined) throw unauthenticated("a bearer token is required");
  return { identity, service };
}

function bearerToken(headers: RequestHeaders, name: string): string | undefined {
  const value = headers.get(name);
  if (value === undefined) return undefined;
  const token = /^Bearer ([\w.~+/=-]+)$/i.exec(value)?.[1];
  if (token === undefined) throw unauthenticated(`${name} must be: Bearer <token>`, "TOKEN_INVALID");
  return token;
}
