import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { expect, it } from "vitest";
import { memoryRateLimits } from "./memory-rate-limits.ts";

const caller = (user: string) => ({ household: parseHouseholdId("villa"), user: parseUserId(user) });

it("allows each user so much and no more, and tells too much from a flood", async () => {
  const limits = memoryRateLimits(3);
  const kinds: string[] = [];
  for (let request = 0; request < 8; request++) kinds.push((await limits.spend(caller("ada"))).kind);
  expect(kinds).toEqual(["allowed", "allowed", "allowed", "over", "over", "over", "flood", "flood"]);
  expect((await limits.spend(caller("ben"))).kind).toBe("allowed");
});

it("says how long to wait", async () => {
  const limits = memoryRateLimits(1);
  await limits.spend(caller("ada"));
  const refused = await limits.spend(caller("ada"));
  expect(refused).toEqual({ kind: "over", waitMs: expect.any(Number) });
  if (refused.kind !== "allowed") expect(refused.waitMs).toBeLessThanOrEqual(1_000);
});
