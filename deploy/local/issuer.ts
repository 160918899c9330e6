import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from "jose";
import { readFileIfPresent, writePrivateFile } from "./private-file.ts";
import { messageOf, SetupError } from "./setup-error.ts";

/** The `iss` of every token of a local issuer (`AUTH_ISSUER`). */
export const LOCAL_ISSUER = "funkygibbon-local";
/** The `aud` of every token (`AUTH_AUDIENCE`). */
export const AUDIENCE = "funkygibbon";
/** How long a token of a local issuer lives unless asked otherwise: 12 hours. */
export const TOKEN_TTL_SECONDS = 12 * 60 * 60;

/** Whom a token is for. */
export interface TokenClaims {
  readonly user: string;
  readonly household: string;
  readonly role: "owner" | "member" | "guest";
  /** Binds the token to one device. */
  readonly deviceId?: string | undefined;
  /** OAuth scopes, separated by blanks. Default `home:read home:write`, for a guest `home:read`. */
  readonly scope?: string | undefined;
  readonly audience?: string | undefined;
  /** Default 12 h. A negative one makes a token that has expired already, for tests. */
  readonly ttlSeconds?: number | undefined;
}

/** Signs tokens for one local system; its public key is what the services verify them with. Never for production. */
export interface LocalIssuer {
  readonly issuer: string;
  /** The public key as a JWKS document (`AUTH_LOCAL_JWKS_FILE`). */
  readonly jwksFile: string;
  /** A user's token. */
  mintToken(claims: TokenClaims): Promise<string>;
  /** The credential of a service towards the others: `sub` is `service:<name>`. */
  mintServiceToken(name: string, ttlSeconds?: number): Promise<string>;
}

/** Opens the issuer of a data folder; its key is made on the first start and kept, so tokens outlive a restart. @throws SetupError when the key is damaged. */
export async function openIssuer(dataFolder: string): Promise<LocalIssuer> {
  const keyFile = join(dataFolder, "keys", "issuer.jwk.json");
  const jwksFile = join(dataFolder, "keys", "jwks.json");
  const jwk = await readKey(keyFile);
  const { kty, crv, x, y, kid } = jwk;
  writePrivateFile(
    jwksFile,
    `${JSON.stringify({ keys: [{ kty, crv, x, y, kid, alg: "ES256", use: "sig" }] }, null, 2)}\n`,
  );
  const key = await importJWK(jwk, "ES256");

  const sign = (subject: string, ttlSeconds: number, audience: string, claims: Record<string, string>) => {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", ...(kid === undefined ? {} : { kid }) })
      .setIssuer(LOCAL_ISSUER)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt(Math.min(now, now + ttlSeconds - 1))
      .setExpirationTime(now + ttlSeconds)
      .sign(key);
  };

  return {
    issuer: LOCAL_ISSUER,
    jwksFile,
    mintToken: ({ user, household, role, deviceId, scope, audience, ttlSeconds }) =>
      sign(user, ttlSeconds ?? TOKEN_TTL_SECONDS, audience ?? AUDIENCE, {
        household,
        role,
        scope: scope ?? (role === "guest" ? "home:read" : "home:read home:write"),
        ...(deviceId === undefined ? {} : { device_id: deviceId }),
      }),
    mintServiceToken: (name, ttlSeconds) => sign(`service:${name}`, ttlSeconds ?? TOKEN_TTL_SECONDS, AUDIENCE, {}),
  };
}

async function readKey(keyFile: string): Promise<JWK> {
  const text = readFileIfPresent(keyFile);
  if (text === undefined) return makeKey(keyFile);
  try {
    const jwk: JWK = JSON.parse(text);
    await importJWK(jwk, "ES256");
    return jwk;
  } catch (error) {
    throw new SetupError(
      `The key ${keyFile} is damaged (${messageOf(error)}): restore it, or delete it to get a new one.`,
    );
  }
}

async function makeKey(keyFile: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const complete = { ...jwk, kid: await calculateJwkThumbprint(jwk) };
  writePrivateFile(keyFile, `${JSON.stringify(complete, null, 2)}\n`);
  return complete;
}
