import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@funkygibbon/kernel/clock";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTokenVerifier, type KeySource, serviceTokenSource, signActor, type TokenVerifier } from "./auth.ts";

const ISSUER = "https://issuer.test";
const AUDIENCE = "funkygibbon";
const ACTOR_SECRET = "a secret of thirty-two characters";
const NOW_SECONDS = 1_790_000_000;

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

let folder: string;
let keysFile: string;
let issuerKey: PrivateKey;
let strangerKey: PrivateKey;
let publicJwk: object;

function clockAt(seconds: number): Clock & { seconds: number } {
  return {
    seconds,
    now() {
      return this.seconds * 1_000_000;
    },
  };
}

function verifierWith(options: { clock?: Clock; keys?: KeySource; actorSecret?: string } = {}): TokenVerifier {
  return createTokenVerifier({
    keys: { kind: "jwks-file", path: keysFile },
    issuer: ISSUER,
    audience: AUDIENCE,
    maxTokenAgeSeconds: 900,
    actorSecret: ACTOR_SECRET,
    clock: clockAt(NOW_SECONDS),
    ...options,
  });
}

const userClaims = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: "ada",
  household: "house-1",
  role: "member",
  scope: "home:read home:write",
  device_id: "phone-1",
  iat: NOW_SECONDS - 60,
  exp: NOW_SECONDS + 600,
};

function sign(claims: JWTPayload, key: PrivateKey | Uint8Array = issuerKey, alg = "ES256"): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg, kid: "k1" }).sign(key);
}

function without(claim: keyof typeof userClaims): JWTPayload {
  return Object.fromEntries(Object.entries(userClaims).filter(([name]) => name !== claim));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "auth-test-"));
  keysFile = join(folder, "jwks.json");
  const issuer = await generateKeyPair("ES256");
  issuerKey = issuer.privateKey;
  strangerKey = (await generateKeyPair("ES256")).privateKey;
  publicJwk = { ...(await exportJWK(issuer.publicKey)), kid: "k1", alg: "ES256", use: "sig" };
  await writeFile(keysFile, JSON.stringify({ keys: [publicJwk] }));
});

afterAll(() => rm(folder, { recursive: true }));

describe("a user's token", () => {
  it("becomes an identity", async () => {
    expect(await verifierWith().verifyUser(await sign(userClaims))).toEqual({
      household: "house-1",
      user: "ada",
      role: "member",
      scopes: ["home:read", "home:write"],
      device: "phone-1",
      expiresAt: (NOW_SECONDS + 600) * 1_000_000,
      client: undefined,
    });
  });

  it("ends with its greatest age when that comes before its expiry", async () => {
    const identity = await verifierWith().verifyUser(await sign({ ...userClaims, exp: NOW_SECONDS + 9_999 }));
    expect(identity.expiresAt).toBe((userClaims.iat + 900) * 1_000_000);
  });

  it.each([
    ["expired", { exp: NOW_SECONDS - 30 }, "TOKEN_EXPIRED"],
    ["for another audience", { aud: "somebody-else" }, "TOKEN_INVALID"],
    ["by another issuer", { iss: "https://evil.test" }, "TOKEN_INVALID"],
    ["issued too long ago", { iat: NOW_SECONDS - 1_000 }, "TOKEN_EXPIRED"],
    ["issued in the future", { iat: NOW_SECONDS + 60 }, "TOKEN_INVALID"],
    ["not valid yet", { nbf: NOW_SECONDS + 60 }, "TOKEN_INVALID"],
    ["with a role that we do not know", { role: "admin" }, "TOKEN_INVALID"],
    ["with a malformed household", { household: "a b" }, "TOKEN_INVALID"],
    ["with a household that is no text", { household: ["house-1"] }, "TOKEN_INVALID"],
    ["of a service", { sub: "service:relay" }, "TOKEN_INVALID"],
  ])("is refused when it is %s", async (_what, claims, reason) => {
    const token = await sign({ ...userClaims, ...claims });
    await expect(verifierWith().verifyUser(token)).rejects.toMatchObject({ kind: "unauthenticated", reason });
  });

  it.each(["iat", "exp", "sub", "household", "role", "iss", "aud"] as const)("is refused without %s", async (claim) => {
    const token = await sign(without(claim));
    await expect(verifierWith().verifyUser(token)).rejects.toMatchObject({
      kind: "unauthenticated",
      reason: "TOKEN_INVALID",
    });
  });

  it("is refused when it is tampered with, signed by a stranger, unsigned or no token at all", async () => {
    const [header, , signature] = (await sign(userClaims)).split(".");
    const owner = Buffer.from(JSON.stringify({ ...userClaims, role: "owner" })).toString("base64url");
    const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    const hs256 = await sign(userClaims, new TextEncoder().encode(JSON.stringify(publicJwk)), "HS256");
    const forgeries = [
      `${header}.${owner}.${signature}`,
      `${none}.${owner}.`,
      await sign(userClaims, strangerKey),
      hs256,
      "rubbish",
      "",
    ];
    for (const token of forgeries) {
      await expect(verifierWith().verifyUser(token)).rejects.toMatchObject({ kind: "unauthenticated" });
    }
  });

  it("is not accepted for longer because it was accepted before", async () => {
    const clock = clockAt(NOW_SECONDS);
    const verifier = verifierWith({ clock });
    const token = await sign(userClaims);
    await verifier.verifyUser(token);
    clock.seconds = NOW_SECONDS + 599;
    await verifier.verifyUser(token);
    clock.seconds = NOW_SECONDS + 606;
    await expect(verifier.verifyUser(token)).rejects.toMatchObject({ reason: "TOKEN_EXPIRED" });
  });

  it("verifies with EdDSA and RS256 keys too", async () => {
    for (const alg of ["EdDSA", "RS256"]) {
      const { publicKey, privateKey } = await generateKeyPair(alg);
      const path = join(folder, `${alg}.json`);
      await writeFile(path, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg }] }));
      const verifier = verifierWith({ keys: { kind: "jwks-file", path } });
      expect((await verifier.verifyUser(await sign(userClaims, privateKey, alg))).user).toBe("ada");
    }
  });
});

describe("keys", () => {
  it("are read again when the file changes", async () => {
    const path = join(folder, "rotating.json");
    const next = await generateKeyPair("ES256");
    await writeFile(path, JSON.stringify({ keys: [publicJwk] }));
    const verifier = verifierWith({ keys: { kind: "jwks-file", path } });
    await verifier.verifyUser(await sign(userClaims));
    await writeFile(path, JSON.stringify({ keys: [publicJwk, { ...(await exportJWK(next.publicKey)), kid: "k2" }] }));
    const token = await new SignJWT(userClaims).setProtectedHeader({ alg: "ES256", kid: "k2" }).sign(next.privateKey);
    await expect
      .poll(() =>
        verifier.verifyUser(token).then(
          ({ user }) => user,
          () => "",
        ),
      )
      .toBe("ada");
  });

  it("come from a JWKS URL; when that does not answer, it is nobody's token that is wrong", async () => {
    const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [publicJwk] })));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
    expect((await verifierWith({ keys: { kind: "jwks-url", url } }).verifyUser(await sign(userClaims))).user).toBe(
      "ada",
    );
    await new Promise((resolve) => server.close(resolve));
    const late = verifierWith({ keys: { kind: "jwks-url", url } });
    await expect(late.verifyUser(await sign(userClaims))).rejects.toMatchObject({ kind: "unavailable" });
  });
});

describe("a service credential", () => {
  const claims = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: "service:sync-coordinator",
    iat: NOW_SECONDS - 5_000,
    exp: NOW_SECONDS + 60,
  };

  it("names the service and lives as long as it says", async () => {
    expect(await verifierWith().verifyService(await sign(claims))).toEqual({ name: "sync-coordinator" });
  });

  it("is not a user's token", async () => {
    await expect(verifierWith().verifyService(await sign(userClaims))).rejects.toMatchObject({
      reason: "TOKEN_INVALID",
    });
  });

  it("is read from its file, again when the file changes", async () => {
    const file = join(folder, "service.jwt");
    const source = serviceTokenSource(file);
    expect(source).toThrow("cannot be read");
    await writeFile(file, "first\n");
    expect(source()).toBe("first");
    await writeFile(file, "second one\n");
    await expect.poll(source).toBe("second one");
  });
});

describe("a signed actor", () => {
  const actor = { user: "ada", household: "house-1", role: "member", scopes: ["home:read"], client: "claude" } as const;
  const signing = { secret: ACTOR_SECRET, issuer: "service:mcp-gateway", clock: clockAt(NOW_SECONDS) };

  it("names user and client, for a minute", async () => {
    expect(await verifierWith().verifyActor(await signActor(actor, signing))).toEqual({
      household: "house-1",
      user: "ada",
      role: "member",
      scopes: ["home:read"],
      device: undefined,
      client: "claude",
      expiresAt: (NOW_SECONDS + 60) * 1_000_000,
    });
  });

  it("is refused when old, signed with another secret or by no service, or where no secret is known", async () => {
    const good = await signActor(actor, signing);
    const old = await signActor(actor, { ...signing, clock: clockAt(NOW_SECONDS - 70) });
    const forged = await signActor(actor, { ...signing, secret: "another secret of 32 characters!" });
    const byUser = await signActor(actor, { ...signing, issuer: ISSUER });
    await expect(verifierWith().verifyActor(old)).rejects.toMatchObject({ reason: "TOKEN_EXPIRED" });
    await expect(verifierWith().verifyActor(forged)).rejects.toMatchObject({ reason: "TOKEN_INVALID" });
    await expect(verifierWith().verifyActor(byUser)).rejects.toMatchObject({ reason: "TOKEN_INVALID" });
    await expect(verifierWith().verifyActor(await sign(userClaims))).rejects.toMatchObject({ reason: "TOKEN_INVALID" });
    await expect(verifierWith().verifyUser(good)).rejects.toMatchObject({ reason: "TOKEN_INVALID" });
    const { actorSecret: _unused, ...rest } = { actorSecret: ACTOR_SECRET, clock: clockAt(NOW_SECONDS) };
    const deaf = createTokenVerifier({
      keys: { kind: "jwks-file", path: keysFile },
      issuer: ISSUER,
      audience: AUDIENCE,
      maxTokenAgeSeconds: 900,
      ...rest,
    });
    await expect(deaf.verifyActor(good)).rejects.toMatchObject({ reason: "TOKEN_INVALID" });
  });
});
