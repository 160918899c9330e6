import { ENTITY_TYPES } from "@funkygibbon/kernel/entity-type";
import type { ConflictPolicy } from "@funkygibbon/kernel/record";
import { describe, expect, it } from "vitest";
import { effectivePolicies, ruleLookup, strategyFor } from "./policy.ts";

const policy = (parts: Partial<ConflictPolicy>): ConflictPolicy => ({
  entityType: undefined,
  strategy: undefined,
  fieldRules: new Map(),
  ...parts,
});

describe("the policies as they apply", () => {
  it("are complete without anybody having set one", () => {
    const policies = effectivePolicies([]);
    expect(policies.map(({ entityType }) => entityType)).toEqual([undefined, ...ENTITY_TYPES]);
    for (const { strategy, fieldRules } of policies) {
      expect(strategy).toBe("merge");
      expect(Object.fromEntries(fieldRules)).toEqual({
        capabilities: "set-merge",
        is_active: "true-if-either",
        is_enabled: "true-if-either",
        is_reachable: "true-if-either",
        name: "longer",
      });
    }
  });

  it("follow the type's own policy, else the household's default", () => {
    const policies = effectivePolicies([
      policy({ strategy: "accept_server" }),
      policy({ entityType: "note", strategy: "manual", fieldRules: new Map([["tags", "set-merge"]]) }),
    ]);
    const strategyOf = (type: string | undefined) => policies.find(({ entityType }) => entityType === type)?.strategy;
    expect([strategyOf(undefined), strategyOf("room"), strategyOf("note")]).toEqual([
      "accept_server",
      "accept_server",
      "manual",
    ]);
    expect(policies.find(({ entityType }) => entityType === "note")?.fieldRules.get("tags")).toBe("set-merge");
  });

  it("let a household replace a built-in rule", () => {
    const ruleFor = ruleLookup(policy({ fieldRules: new Map([["name", "last-write-wins"]]) }));
    expect([ruleFor("name"), ruleFor("capabilities"), ruleFor("brightness")]).toEqual([
      "last-write-wins",
      "set-merge",
      "last-write-wins",
    ]);
  });

  it("ignore a stored rule that this release does not know", () => {
    expect(ruleLookup(policy({ fieldRules: new Map([["name", "from-the-future"]]) }))("name")).toBe("longer");
  });
});

describe("the strategy of a divergence", () => {
  it.each([
    [undefined, undefined, "merge"],
    ["accept_local", undefined, "accept_local"],
    ["accept_local", "accept_server", "accept_local"],
    [undefined, "accept_server", "accept_server"],
    ["accept_local", "manual", "manual"],
    ["manual", "merge", "manual"],
  ] as const)("with the wish %s and the policy %s is %s", (wish, strategy, expected) => {
    expect(strategyFor(wish, policy({ strategy }))).toBe(expected);
  });
});
