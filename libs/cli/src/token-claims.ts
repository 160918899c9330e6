import type { JsonObject } from "@funkygibbon/kernel/json";

/** What a token says of itself. Not verified: servers do that. */
export interface TokenClaims {
  readonly user: string | undefined;
  readonly household: string | undefined;
  readonly role: string | undefined;
  /** Milliseconds since 1970; undefined: it does not say. */
  readonly expiresMs: number | undefined;
}

/** Reads the middle of a JWT; undefined when it is none. */
export function claimsOf(token: string): TokenClaims | undefined {
  const [, payload, signature] = token.split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: JsonObject = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const text = (key: string) => (typeof claims[key] === "string" ? claims[key] : undefined);
    return {
      user: text("sub"),
      household: text("household"),
      role: text("role"),
      expiresMs: typeof claims.exp === "number" ? claims.exp * 1_000 : undefined,
    };
  } catch {
    return undefined;
  }
}
