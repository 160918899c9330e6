import { describe, expect, it } from "vitest";
import { checkPolicy } from "./conflict-policy.ts";

describe("checking a policy", () => {
  it("names every unknown rule and impossible field at once", () => {
    const fieldRules = new Map([
      ["", "longer"],
      ["tags", "vote"],
      ["x".repeat(300), "set-merge"],
      ["name", "last-write-wins"],
    ]);
    expect(() => checkPolicy({ fieldRules })).toThrow(
      expect.objectContaining({
        kind: "invalid",
        reason: "INVALID_POLICY",
        fields: [
          { field: 'policy.field_rules[""]', description: "a rule needs the name of a top-level key" },
          {
            field: 'policy.field_rules["tags"]',
            description: "unknown rule; must be one of last-write-wins, set-merge, longer, true-if-either",
          },
          {
            field: `policy.field_rules["${"x".repeat(40)}"]`,
            description: "the name must have at most 200 characters",
          },
        ],
      }),
    );
  });

  it("takes as many rules as there may be, and refuses one more in a word", () => {
    const rules = (count: number, rule: string) =>
      new Map(Array.from({ length: count }, (_, index) => [`key${index}`, rule]));
    expect(() => checkPolicy({ fieldRules: rules(200, "longer") })).not.toThrow();
    expect(() => checkPolicy({ fieldRules: rules(201, "vote") })).toThrow(
      expect.objectContaining({
        fields: [{ field: "policy.field_rules", description: "must have at most 200 rules" }],
      }),
    );
  });
});
