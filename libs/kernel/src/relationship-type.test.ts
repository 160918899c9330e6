import { describe, expect, it } from "vitest";
import { inverseName, mayConnect, RELATIONSHIP_TYPES } from "./relationship-type.ts";

describe("relationships", () => {
  it("read both ways: every type has an inverse name", () => {
    expect(RELATIONSHIP_TYPES.map(inverseName)).toEqual([
      "contains",
      "controlled_by",
      "connects_to",
      "has_part",
      "managed_by",
      "documents",
      "has_procedure",
      "triggers",
      "required_by",
      "monitored_by",
      "automated_by",
      "photo_of",
    ]);
  });

  it("connect only what makes sense", () => {
    expect(mayConnect("located_in", "device", "room")).toBe(true);
    expect(mayConnect("located_in", "room", "device")).toBe(false);
    expect(mayConnect("part_of", "service", "accessory")).toBe(true);
    expect(mayConnect("controls", "schedule", "automation")).toBe(true);
    expect(mayConnect("controls", "schedule", "room")).toBe(false);
    expect(mayConnect("has_photo", "note", "home")).toBe(true);
  });
});
