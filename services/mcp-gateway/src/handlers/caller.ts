import type { Identity } from "@funkygibbon/kernel/identity";
import type { AuthInfo } from "@modelcontextprotocol/server";

const EXTRA_KEY = "funkygibbon.identity";

/**
 * The verified identity in the form in which the SDK hands it through to tools. The token itself stays outside: nothing
 * behind this point can pass it on.
 */
export function toAuthInfo(identity: Identity, resourceMetadataUrl: string): AuthInfo {
  return {
    token: "",
    clientId: identity.client ?? "",
    scopes: [...identity.scopes],
    expiresAt: Math.floor(identity.expiresAt / 1_000_000),
    resourceMetadataUrl,
    extra: { [EXTRA_KEY]: identity },
  };
}

/** The identity that {@link toAuthInfo} put in; undefined when nobody was verified. */
export function identityOf(authInfo: AuthInfo | undefined): Identity | undefined {
  // Only toAuthInfo writes this key.
  return authInfo?.extra?.[EXTRA_KEY] as Identity | undefined;
}
