import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MATCH_END, MATCH_START, QueryMatcher, transpositions } from "./search-match.ts";
import { fold, foldText, nameOf, normalizeQuery, textsOf, wordsOf } from "./search-text.ts";

function match(query: string, name: string, more: Record<string, string> = {}) {
  const found = new QueryMatcher(query).match({ name, ...more });
  return found && { ...found, highlight: found.highlight.replace(MATCH_START, "[").replace(MATCH_END, "]") };
}

describe("a query", () => {
  it.each([
    ["kitchen lamp", "Kitchen Lamp", "exact", "[Kitchen Lamp]"],
    ["  KITCHEN   lamp ", "kitchen lamp", "exact", "[kitchen lamp]"],
    ["cafe", "Café", "exact", "[Café]"],
    ["kit", "Kitchen Lamp", "prefix", "[Kit]chen Lamp"],
    ["lamp", "Kitchen Lamp", "substring", "Kitchen [Lamp]"],
    ["itch", "Kitchen Lamp", "substring", "K[itch]en Lamp"],
    ["kichen", "Kitchen Lamp", "fuzzy", "[Kitchen] Lamp"],
    ["lmap", "Lamp", "fuzzy", "[Lamp]"],
    ["thermostatt", "Hall thermostat", "fuzzy", "Hall [thermostat]"],
    ["küch", "Große Küche", "substring", "Große [Küch]e"],
    ["浴室", "主浴室灯", "substring", "主[浴室]灯"],
    // A character is shown whole although only a part of it was typed, with the marks that stand on it.
    ["f", "ﬁne light", "prefix", "[ﬁ]ne light"],
    ["하", "한글 조명", "prefix", "[한]글 조명"],
    ["half 1", "Half ½", "prefix", "[Half ½]"],
    ["cafe", "Cafe\u0301 lamp", "prefix", "[Cafe\u0301] lamp"],
    ["ก", "ก็ไทย", "prefix", "[ก็]ไทย"],
  ])("%j matches the name %j: %s", (query, name, kind, highlight) => {
    expect(match(query, name)).toMatchObject({ kind, highlight });
  });

  it("matches words of the content in any order, by their beginnings", () => {
    const found = match("bleed radiat", "Heating", { text: "First close the radiators, then bleed them." });
    expect(found).toMatchObject({ kind: "content", highlight: "First close the radiators, then [bleed] them." });
  });

  it("does not match the inside of a word of the content, nor half of the words", () => {
    expect(match("adiat", "Heating", { text: "radiators" })).toBeUndefined();
    expect(match("radiators zebra", "Heating", { text: "radiators" })).toBeUndefined();
  });

  it("shows long content around the match only", () => {
    const found = match("needle", "Hay", { text: `${"x ".repeat(500)}needle${" y".repeat(500)}` });
    expect(found?.highlight).toMatch(/^….*\[needle\].*…$/);
    expect(found?.highlight.length).toBeLessThan(140);
  });

  it("shows a character of content whole although only a part of it was typed", () => {
    expect(match("하", "Lamp", { text: "조명 한글" })).toMatchObject({ kind: "content", highlight: "조명 [한]글" });
  });

  it("does not match what is merely a word of the same length", () => {
    expect(match("kitchen", "Bedroom")).toBeUndefined();
  });

  it("scores exact above prefix above substring above content above fuzzy", () => {
    const scores = [
      match("lamp", "Lamp"),
      match("lamp", "Lamp in the very long corridor"),
      match("lamp", "Very long corridor lamp"),
      match("lamp", "Light", { text: "lamp" }),
      match("lapm", "Lamp"),
    ].map((found) => found?.score ?? 0);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(scores).size).toBe(5);
  });

  it("finds nothing when it is empty or has only control characters", () => {
    for (const query of ["", "   ", "\u0000", "\u0007\n"]) expect(match(query, "Lamp")).toBeUndefined();
  });

  it("takes punctuation as text", () => {
    expect(match("100%", "Dimmer 100%")).toMatchObject({ kind: "substring" });
    expect(match("%%%", "Dimmer 100%")).toBeUndefined();
  });

  it("never throws, and scores within 0 to 1, whatever the query and the name", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.string({ unit: "binary", maxLength: 60 }),
        (query, name) => {
          const found = new QueryMatcher(query).match({ name, text: name });
          if (found !== undefined) expect(found.score > 0 && found.score <= 1).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("folding", () => {
  it("knows where every folded character came from", () => {
    const { folded, origin } = foldText("Aé𝟙ﬁ");
    expect(folded).toBe("ae1fi");
    expect(origin).toEqual([0, 1, 2, 4, 4, 5]);
  });

  it("cuts long words between characters and repeats none", () => {
    expect(wordsOf(fold(`a a ${"b".repeat(63)}𐐨c`))).toEqual(["a", "b".repeat(63)]);
    expect(normalizeQuery(" A\u0000\tB ")).toBe("a b");
  });

  it("reads texts at any depth, and a name only from a text", () => {
    expect(textsOf({ a: "x", b: [1, { c: "y" }], d: null, e: true })).toEqual(["x", "1", "y"]);
    expect(textsOf({ a: "x", imported: { source: "homekit", keys: { a: "3f2a90c1d4be" } } })).toEqual(["x"]);
    expect([nameOf({ name: "N" }), nameOf({ name: 3 }), nameOf({})]).toEqual(["N", "", ""]);
  });
});

describe("transpositions", () => {
  it("swap neighbours of short words", () => {
    expect(transpositions("lmap")).toEqual(["mlap", "lamp", "lmpa"]);
    expect(transpositions("thermostat")).toEqual([]);
  });
});
