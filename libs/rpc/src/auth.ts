import { type Clock, MICROS_PER_MS, type Micros, systemClock } from "@funkygibbon/kernel/clock";
import { DomainError, unauthenticated, unavailable } from "@funkygibbon/kernel/errors";
import { type Identity, ROLES, type Role } from "@funkygibbon/kernel/identity";
import { parseDeviceId, parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from "jose";
import type { ServiceIdentity } from "./call.ts";
import { TokenCache } from "./token-cache.ts";
import { watchedFile } from "./watched-file.ts";

/** Where the public keys of the token issuer are. */
export type KeySource =
  /** A JWKS document, fetched when an unknown key id shows up (at most every 30 s) and cached for 10 minutes. */
  | { readonly kind: "jwks-url"; readonly url: string }
  /** A JWKS file, read again when it changes. Development only. */
  | { readonly kind: "jwks-file"; readonly path: string };

/** Options of {@link createTokenVerifier}. */
export interface TokenVerifierOptions {
  readonly keys: KeySource;
  readonly issuer: string;
  readonly audience: string;
  /** A user's token is refused when it was issued longer ago, whatever its own expiry says. */
  readonly maxTokenAgeSeconds: number;
  /** HMAC secret of signed actors; without it actors are refused. */
  readonly actorSecret?: string | undefined;
  readonly clock?: Clock;
}

/** Verifies what callers present. Everything it throws is a DomainError: `unauthenticated`, or `unavailable` when keys cannot be had. */
export interface TokenVerifier {
  /** A user's JWT. Reasons: TOKEN_EXPIRED, TOKEN_INVALID. */
  verifyUser(token: string): Promise<Identity>;
  /** A service credential: a JWT with sub `service:<name>`. It lives as long as its own expiry says. */
  verifyService(token: string): Promise<ServiceIdentity>;
  /** A signed actor. The caller must have verified a service credential of the same call first. */
  verifyActor(token: string): Promise<Identity>;
}

/** What a gateway vouches for; see {@link signActor}. */
export interface Actor {
  readonly user: string;
  readonly household: string;
  readonly role: Role;
  readonly scopes: readonly string[];
  readonly device?: string | undefined;
  /** The assistant or program acting for the user. */
  readonly client: string;
}

/** Signed actors live this long at most. */
export const MAX_ACTOR_AGE_SECONDS = 60;

const ACTOR_AUDIENCE = "funkygibbon";
const ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "RS256"];
const CLOCK_TOLERANCE_SECONDS = 5;
const SERVICE_SUBJECT = /^service:([a-z0-9-]{1,64})$/;

/** A verifier with its own caches: a token is checked once, then known until it expires. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const clock = options.clock ?? systemClock;
  const users = new TokenCache<Identity>(clock);
  const services = new TokenCache<ServiceIdentity & { expiresAt: Micros }>(clock, 1_000);
  const actors = new TokenCache<Identity>(clock);
  const keys = keysFrom(options.keys);
  const actorKey = options.actorSecret === undefined ? undefined : new TextEncoder().encode(options.actorSecret);
  const { issuer, audience } = options;
  const now = () => new Date(clock.now() / MICROS_PER_MS);

  const verifySigned = (token: string, extra: JWTVerifyOptions) =>
    translatingFaults(async () => {
      const rules = { issuer, audience, algorithms: ALGORITHMS, requiredClaims: ["sub", "iat", "exp"] };
      const { payload } = await jwtVerify(token, keys, {
        ...rules,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: now(),
        ...extra,
      });
      return payload;
    });

  return {
    async verifyUser(token) {
      const known = users.get(token);
      if (known !== undefined) return known;
      const claims = await verifySigned(token, { maxTokenAge: options.maxTokenAgeSeconds });
      if (SERVICE_SUBJECT.test(claims.sub ?? "")) throw refused("a service credential is not a user's token");
      const identity = toIdentity(claims, options.maxTokenAgeSeconds);
      users.set(token, identity);
      return identity;
    },

    async verifyService(token) {
      const known = services.get(token);
      if (known !== undefined) return { name: known.name };
      const claims = await verifySigned(token, {});
      const name = SERVICE_SUBJECT.exec(claims.sub ?? "")?.[1];
      if (name === undefined) throw refused("not a service credential");
      services.set(token, { name, expiresAt: toMicros(claims.exp) });
      return { name };
    },

    async verifyActor(token) {
      if (actorKey === undefined) throw refused("signed actors are not accepted here");
      const known = actors.get(token);
      if (known !== undefined) return known;
      const claims = await translatingFaults(async () => {
        const { payload } = await jwtVerify(token, actorKey, {
          audience: ACTOR_AUDIENCE,
          algorithms: ["HS256"],
          requiredClaims: ["iss", "sub", "iat", "exp", "client"],
          maxTokenAge: MAX_ACTOR_AGE_SECONDS,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: now(),
        });
        return payload;
      });
      if (!SERVICE_SUBJECT.test(claims.iss ?? "")) throw refused("the actor was not signed by a service");
      const identity = toIdentity(claims, MAX_ACTOR_AGE_SECONDS);
      actors.set(token, identity);
      return identity;
    },
  };
}

/** Signs an actor for one call: HS256, 60 s. `issuer` is the vouching service, `service:mcp-gateway`. */
export function signActor(
  actor: Actor,
  options: { readonly secret: string; readonly issuer: string; readonly clock?: Clock },
): Promise<string> {
  const issuedAt = Math.floor((options.clock ?? systemClock).now() / 1_000_000);
  return new SignJWT({
    household: actor.household,
    role: actor.role,
    scope: actor.scopes.join(" "),
    client: actor.client,
    ...(actor.device === undefined ? {} : { device_id: actor.device }),
  })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(actor.user)
    .setIssuer(options.issuer)
    .setAudience(ACTOR_AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + MAX_ACTOR_AGE_SECONDS)
    .sign(new TextEncoder().encode(options.secret));
}

/** Our own service credential from a file, read again when the file changes. Throws `unavailable` while there is none. */
export function serviceTokenSource(file: string): () => string {
  const read = watchedFile(file, (text) => {
    const token = text.trim();
    if (token === "") throw new Error(`${file} is empty`);
    return token;
  });
  return () => {
    try {
      return read();
    } catch (cause) {
      throw unavailable("our own service credential cannot be read", { cause });
    }
  };
}

function keysFrom(source: KeySource): JWTVerifyGetKey {
  if (source.kind === "jwks-url") {
    return createRemoteJWKSet(new URL(source.url), {
      timeoutDuration: 5_000,
      cooldownDuration: 30_000,
      cacheMaxAge: 600_000,
    });
  }
  const read = watchedFile(source.path, (text) => createLocalJWKSet(JSON.parse(text)));
  return (header, token) => read()(header, token);
}

function toIdentity(claims: JWTPayload, maxAgeSeconds: number): Identity {
  try {
    return {
      household: parseHouseholdId(textClaim(claims, "household")),
      user: parseUserId(textClaim(claims, "sub")),
      role: roleClaim(claims),
      scopes: claims.scope === undefined ? [] : textClaim(claims, "scope").split(" ").filter(Boolean),
      device: claims.device_id === undefined ? undefined : parseDeviceId(textClaim(claims, "device_id")),
      expiresAt: Math.min(toMicros(claims.exp), toMicros(claims.iat) + maxAgeSeconds * 1_000_000),
      client: claims.client === undefined ? undefined : textClaim(claims, "client"),
    };
  } catch (cause) {
    throw refused("a claim of the token is missing or malformed", cause);
  }
}

function textClaim(claims: JWTPayload, name: string): string {
  const value = claims[name];
  if (typeof value !== "string") throw new TypeError(`claim ${name} is not a string`);
  return value;
}

function roleClaim(claims: JWTPayload): Role {
  const role = ROLES.find((known) => known === claims.role);
  if (role === undefined) throw new TypeError("claim role is not one of ours");
  return role;
}

function toMicros(seconds: number | undefined): Micros {
  if (seconds === undefined) throw refused("the token has no times");
  return Math.floor(seconds * 1_000_000);
}

function refused(message: string, cause?: unknown): DomainError {
  return unauthenticated(message, "TOKEN_INVALID", cause);
}

/** The token's fault is `unauthenticated`; not getting at the keys is not. */
async function translatingFaults<T>(verify: () => Promise<T>): Promise<T> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof DomainError) throw error;
    if (error instanceof errors.JWTExpired) throw unauthenticated("the token has expired", "TOKEN_EXPIRED", error);
    if (TOKEN_FAULTS.some((fault) => error instanceof fault)) throw refused("the token does not verify", error);
    throw unavailable("tokens cannot be verified right now", { cause: error });
  }
}

const TOKEN_FAULTS = [
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JWKInvalid,
];
