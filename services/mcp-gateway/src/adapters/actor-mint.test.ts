import type { Identity } from "@funkygibbon/kernel/identity";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { createTokenVerifier } from "@funkygibbon/rpc/auth";
import { expect, it } from "vitest";
import { createActorMint } from "./actor-mint.ts";

const SECRET = "an actor secret of more than thirty-two characters";
const START_US = Date.UTC(2026, 10, 22) * 1_000;

const identity: Identity = {
  household: parseHouseholdId("villa"),
  user: parseUserId("ada"),
  role: "member",
  scopes: ["home:read", "home:write"],
  device: undefined,
  expiresAt: START_US + 60_000_000,
  client: undefined,
};
const call = {
  identity,
  clientName: "Grüße Assistant",
  tool: "sync_now",
  callId: "c",
  signal: new AbortController().signal,
};

function setUp() {
  const clock = { nowUs: START_US, now: () => clock.nowUs };
  const verifier = createTokenVerifier({
    keys: { kind: "jwks-url", url: "http://127.0.0.1:9" },
    issuer: "i",
    audience: "a",
    maxTokenAgeSeconds: 900,
    actorSecret: SECRET,
    clock,
  });
  return { clock, verifier, mint: createActorMint({ secret: SECRET, clock }) };
}

it("vouches for the caller with role, scopes and assistant, for at most a minute", async () => {
  const { verifier, mint } = setUp();
  expect(await verifier.verifyActor(await mint.actorFor(call))).toEqual({
    ...identity,
    client: "Grüße Assistant",
    expiresAt: START_US + 60_000_000,
  });
});

it("uses an actor again for half a minute, and never for another caller", async () => {
  const { clock, mint } = setUp();
  const first = await mint.actorFor(call);
  expect(await mint.actorFor({ ...call, callId: "d", tool: "create_entity" })).toBe(first);
  const guest = await mint.actorFor({ ...call, identity: { ...identity, role: "guest" } });
  expect(guest).not.toBe(first);
  clock.nowUs += 31_000_000;
  expect(await mint.actorFor(call)).not.toBe(first);
});
