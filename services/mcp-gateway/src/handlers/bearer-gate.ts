import type { IncomingMessage } from "node:http";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { TokenVerifier } from "@funkygibbon/rpc/auth";
import { type AuthInfo, bearerAuthChallengeResponse, OAuthError, OAuthErrorCode } from "@modelcontextprotocol/server";
import { permissionFor, SCOPE_OF } from "../domain/permission.ts";
import { toAuthInfo } from "./caller.ts";

const BEARER = /^Bearer +([\w.~+/=-]+)$/i;

/** Options of {@link admit}. */
export interface BearerGateOptions {
  readonly verifier: Pick<TokenVerifier, "verifyUser">;
  readonly resourceMetadataUrl: string;
}

/** Verifies the bearer token of a request; what comes back is either the caller or the refusal to send (RFC 6750). */
export async function admit(request: IncomingMessage, options: BearerGateOptions): Promise<AuthInfo | Response> {
  const { resourceMetadataUrl } = options;
  try {
    const identity = await options.verifier.verifyUser(bearerToken(request));
    requireReadScope(identity);
    return toAuthInfo(identity, resourceMetadataUrl);
  } catch (error) {
    if (error instanceof OAuthError) {
      return bearerAuthChallengeResponse(error, { resourceMetadataUrl, requiredScopes: [SCOPE_OF.read] });
    }
    if (error instanceof DomainError && error.kind === "unauthenticated") {
      const challenge = new OAuthError(OAuthErrorCode.InvalidToken, error.message);
      return bearerAuthChallengeResponse(challenge, { resourceMetadataUrl, requiredScopes: [SCOPE_OF.read] });
    }
    if (error instanceof DomainError && error.kind === "unavailable") {
      const retryAfter = Math.ceil((error.retryAfterMs ?? 1_000) / 1_000);
      const refusal = new OAuthError(OAuthErrorCode.TemporarilyUnavailable, "Tokens cannot be verified right now");
      return Response.json(refusal.toResponseObject(), { status: 503, headers: { "retry-after": `${retryAfter}` } });
    }
    throw error;
  }
}

function bearerToken(request: IncomingMessage): string {
  const header = request.headers.authorization;
  if (header === undefined) throw new OAuthError(OAuthErrorCode.InvalidToken, "A bearer token is required");
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) throw new OAuthError(OAuthErrorCode.InvalidToken, "Authorization must be: Bearer <token>");
  return token;
}

/** Every tool reads, so a token without that scope opens nothing here. */
function requireReadScope(identity: Identity): void {
  if (permissionFor("read", identity) === "allowed") return;
  throw new OAuthError(OAuthErrorCode.InsufficientScope, `The token lacks the scope ${SCOPE_OF.read}`);
}
