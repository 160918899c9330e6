import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { describe, expect, test } from "vitest";
import { EVENT_KINDS, householdSubject, parseSubject } from "./subjects.ts";

describe("subjects", () => {
  test("of a household read back to the household and the kind", () => {
    const household = parseHouseholdId("Ada_home-7");
    for (const kind of EVENT_KINDS)
      expect(parseSubject(householdSubject(household, kind))).toEqual({ household, kind });
  });

  test("of others are not understood", () => {
    for (const subject of ["funkygibbon.household.a.b.committed", "funkygibbon.household.a.gossip", "_INBOX.x", ""]) {
      expect(parseSubject(subject)).toBeUndefined();
    }
  });
});
