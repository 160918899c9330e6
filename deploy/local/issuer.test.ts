import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createTokenVerifier } from "@funkygibbon/rpc/auth";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AUDIENCE, LOCAL_ISSUER, openIssuer } from "./issuer.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "funkygibbon-issuer-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

const verifier = () =>
  createTokenVerifier({
    keys: { kind: "jwks-file", path: join(folder, "keys", "jwks.json") },
    issuer: LOCAL_ISSUER,
    audience: AUDIENCE,
    maxTokenAgeSeconds: 43_200,
  });

describe("the local issuer", () => {
  test("makes tokens that the services accept, also after it was opened again", async () => {
    const first = await openIssuer(folder);
    const claims = { user: "ada", household: "home", role: "member", deviceId: "ada-iphone" } as const;
    const tokens = [await first.mintToken(claims), await (await openIssuer(folder)).mintToken(claims)];
    for (const token of tokens) {
      expect(await verifier().verifyUser(token)).toMatchObject({
        user: "ada",
        household: "home",
        role: "member",
        device: "ada-iphone",
      });
    }
  });

  test("makes credentials of services, which are no users' tokens", async () => {
    const token = await (await openIssuer(folder)).mintServiceToken("sync-coordinator");
    expect(await verifier().verifyService(token)).toEqual({ name: "sync-coordinator" });
    await expect(verifier().verifyUser(token)).rejects.toMatchObject({ kind: "unauthenticated" });
  });

  test("makes expired tokens for tests", async () => {
    const token = await (await openIssuer(folder)).mintToken({
      user: "a",
      household: "h",
      role: "owner",
      ttlSeconds: -60,
    });
    await expect(verifier().verifyUser(token)).rejects.toMatchObject({ reason: "TOKEN_EXPIRED" });
  });

  test("keeps its key to itself", async () => {
    await openIssuer(folder);
    expect(statSync(join(folder, "keys", "issuer.jwk.json")).mode & 0o077).toBe(0);
    const [key] = JSON.parse(readFileSync(join(folder, "keys", "jwks.json"), "utf8")).keys;
    expect(Object.keys(key)).not.toContain("d");
  });
});

describe("npm run token", () => {
  const token = (...args: string[]) =>
    promisify(execFile)(process.execPath, [new URL("./token.ts", import.meta.url).pathname, ...args]);

  test("prints a token and nothing else", async () => {
    await openIssuer(folder);
    const { stdout } = await token("--data", folder, "--role", "guest", "--household", "h2", "--user", "gus");
    expect(await verifier().verifyUser(stdout.trim())).toMatchObject({ user: "gus", household: "h2", role: "guest" });
    const byDefault = await token("--data", folder);
    expect(await verifier().verifyUser(byDefault.stdout.trim())).toMatchObject({
      user: "owner",
      household: "home",
      role: "owner",
    });
  });

  test.each([
    [["--role", "king"], /^--role takes owner, member or guest, not king\.\n$/],
    [["--wrong"], /^Unknown option '--wrong': npm run token -- --help/],
    [["--data", "/nowhere"], /^There is no system in \/nowhere yet: npm start makes one\.\n$/],
  ])("refuses %j in one sentence", async (args, sentence) => {
    await openIssuer(folder);
    await expect(token("--data", folder, ...args)).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(sentence),
    });
  });
});
