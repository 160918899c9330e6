import { createHmac } from "node:crypto";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { describe, expect, it } from "vitest";
import { type PageScope, PageTokens } from "./page-token.ts";

const tokens = tokensOf("a secret of this test");
const scope: PageScope = { household: parseHouseholdId("h1"), list: "entities", filter: { types: ["room"] } };

function tokensOf(secret: string): PageTokens {
  return new PageTokens((text) => createHmac("sha256", secret).update(text).digest("base64url"));
}

describe("page tokens", () => {
  it("give back the position that they were made of", () => {
    const position = ["room", 'Küche "oben" \u{1f373}', "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21", 42];
    expect(tokens.open(scope, tokens.seal(scope, position))).toEqual(position);
  });

  it("ask for the first page when they are empty", () => {
    expect(tokens.open(scope, "")).toBeUndefined();
  });

  it.each([
    ["another household", { ...scope, household: parseHouseholdId("h2") }],
    ["another list", { ...scope, list: "relationships" }],
    ["other filters", { ...scope, filter: { types: [] } }],
  ])("are refused by %s", (_what, other) => {
    expect(() => tokens.open(other, tokens.seal(scope, ["room"]))).toThrow(/page_token/);
  });

  it("are refused when a character has changed, when cut short, when made up and under another secret", () => {
    const token = tokens.seal(scope, ["room", "hall"]);
    const forged = [
      `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`,
      token.slice(0, 10),
      "x".repeat(9_000),
      "🙂",
    ];
    for (const text of [...forged, tokensOf("another").seal(scope, ["room", "hall"])]) {
      expect(() => tokens.open(scope, text)).toThrow(/page_token/);
    }
  });
});
