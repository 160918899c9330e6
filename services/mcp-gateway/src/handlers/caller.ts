import type { Identity } from "@funkygibbon/kernel/identity";
import type { AuthInfo } from "@modelcontextprotocol/server";

const EXTRA_KEY = "funkygibbon.identity";
const WAIT_KEY = "funkygibbon.wait-ms";

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

/** The same caller, who has asked too much and is to wait so long. */
export function toldToWait(authInfo: AuthInfo, waitMs: number): AuthInfo {
  return { ...authInfo, extra: { ...authInfo.extra, [WAIT_KEY]: waitMs } };
}

/** How long the caller was told to wait; undefined: not at all. */
export function waitOf(authInfo: AuthInfo | undefined): number | undefined {
  // Only toldToWait writes this key.
  return authInfo?.extra?.[WAIT_KEY] as number | undefined;
}
