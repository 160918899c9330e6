import { ENTITY_TYPES } from "@funkygibbon/kernel/entity-type";
import type { Strategy } from "@funkygibbon/kernel/record";
import { describe, expect, it } from "vitest";
import { COLUMNS, cellOf, diverge, type GridLine, type Says } from "../../test/decision-grid.ts";
import { resolveDivergence } from "./resolve-divergence.ts";

/** What the entity said when device and head went their own ways. */
const BASE = { brightness: 50, color: "red" };

/** What the device did to it, and what somebody else did meanwhile. The device's edit is the later one. */
const EDITS = {
  "sets brightness": { device: { ...BASE, brightness: 70 }, head: { ...BASE, brightness: 30 } },
  "adds a key": { device: { ...BASE, note: "new" }, head: { ...BASE, tag: "old" } },
  "removes brightness": { device: { color: "red" }, head: { color: "red" } },
  "clears it": { device: {}, head: {} },
  "changes nothing": { device: BASE, head: BASE },
  "deletes it": { device: null, head: null },
} satisfies Record<string, Record<"device" | "head", Says["body"]>>;
type Kind = keyof typeof EDITS;

// How to read a cell: see GridLine.
// biome-ignore format: a table is read by its columns
const GRID: readonly GridLine<Kind>[] = [
  // the device           the head              MERGE                                    ACCEPT_LOCAL                                ACCEPT_SERVER                            MANUAL
  ["sets brightness",    "sets brightness",    "MERGED device | content brightness",    "MERGED device | content brightness",       "LOSES head | content brightness",       "WAITS head | content brightness"],
  ["sets brightness",    "adds a key",         "MERGED both",                           "MERGED device | version tag",              "LOSES head | version brightness",       "WAITS head | version brightness"],
  ["sets brightness",    "removes brightness", "MERGED device | content brightness",    "MERGED device | content brightness",       "LOSES head | content brightness",       "WAITS head | content brightness"],
  ["sets brightness",    "clears it",          "MERGED both | content brightness",      "MERGED device | content brightness color", "LOSES head | content brightness",       "WAITS head | content brightness"],
  ["sets brightness",    "changes nothing",    "MERGED device",                         "MERGED device",                            "LOSES head | version brightness",       "WAITS head | version brightness"],
  ["sets brightness",    "deletes it",         "LOSES gone | delete brightness",        "LOSES gone | delete brightness",           "LOSES gone | delete brightness",        "LOSES gone | delete brightness"],

  ["adds a key",         "sets brightness",    "MERGED both",                           "MERGED device | version brightness",       "LOSES head | version note",             "WAITS head | version note"],
  ["adds a key",         "adds a key",         "MERGED both",                           "MERGED device | version tag",              "LOSES head | version note",             "WAITS head | version note"],
  ["adds a key",         "removes brightness", "MERGED both",                           "MERGED device | version brightness",       "LOSES head | version note",             "WAITS head | version note"],
  ["adds a key",         "clears it",          "MERGED both",                           "MERGED device | version brightness color", "LOSES head | version note",             "WAITS head | version note"],
  ["adds a key",         "changes nothing",    "MERGED device",                         "MERGED device",                            "LOSES head | version note",             "WAITS head | version note"],
  ["adds a key",         "deletes it",         "LOSES gone | delete note",              "LOSES gone | delete note",                 "LOSES gone | delete note",              "LOSES gone | delete note"],

  ["removes brightness", "sets brightness",    "MERGED device | content brightness",    "MERGED device | content brightness",       "LOSES head | content brightness",       "WAITS head | content brightness"],
  ["removes brightness", "adds a key",         "MERGED both",                           "MERGED device | version tag",              "LOSES head | version brightness",       "WAITS head | version brightness"],
  ["removes brightness", "removes brightness", "MERGED head",                           "MERGED head",                              "MERGED head",                           "MERGED head"],
  ["removes brightness", "clears it",          "MERGED head",                           "MERGED device | version color",            "LOSES head",                            "MERGED head"],
  ["removes brightness", "changes nothing",    "MERGED device",                         "MERGED device",                            "LOSES head | version brightness",       "WAITS head | version brightness"],
  ["removes brightness", "deletes it",         "LOSES gone | delete brightness",        "LOSES gone | delete brightness",           "LOSES gone | delete brightness",        "LOSES gone | delete brightness"],

  ["clears it",          "sets brightness",    "MERGED device | content brightness",    "MERGED device | content brightness",       "LOSES head | content brightness color", "WAITS head | content brightness color"],
  ["clears it",          "adds a key",         "MERGED both",                           "MERGED device | version tag",              "LOSES head | version brightness color", "WAITS head | version brightness color"],
  ["clears it",          "removes brightness", "MERGED device",                         "MERGED device",                            "LOSES head | version color",            "WAITS head | version color"],
  ["clears it",          "clears it",          "MERGED head",                           "MERGED head",                              "MERGED head",                           "MERGED head"],
  ["clears it",          "changes nothing",    "MERGED device",                         "MERGED device",                            "LOSES head | version brightness color", "WAITS head | version brightness color"],
  ["clears it",          "deletes it",         "LOSES gone | delete brightness color",  "LOSES gone | delete brightness color",     "LOSES gone | delete brightness color",  "LOSES gone | delete brightness color"],

  ["changes nothing",    "sets brightness",    "LOSES head",                            "MERGED device | version brightness",       "LOSES head",                            "LOSES head"],
  ["changes nothing",    "adds a key",         "LOSES head",                            "MERGED device | version tag",              "LOSES head",                            "LOSES head"],
  ["changes nothing",    "removes brightness", "LOSES head",                            "MERGED device | version brightness",       "LOSES head",                            "LOSES head"],
  ["changes nothing",    "clears it",          "LOSES head",                            "MERGED device | version brightness color", "LOSES head",                            "LOSES head"],
  ["changes nothing",    "changes nothing",    "LOSES head",                            "LOSES head",                               "LOSES head",                            "LOSES head"],
  ["changes nothing",    "deletes it",         "LOSES gone",                            "LOSES gone",                               "LOSES gone",                            "LOSES gone"],

  ["deletes it",         "sets brightness",    "MERGED gone | delete brightness",       "MERGED gone | delete brightness",          "MERGED gone | delete brightness",       "MERGED gone | delete brightness"],
  ["deletes it",         "adds a key",         "MERGED gone | delete tag",              "MERGED gone | delete tag",                 "MERGED gone | delete tag",              "MERGED gone | delete tag"],
  ["deletes it",         "removes brightness", "MERGED gone | delete brightness",       "MERGED gone | delete brightness",          "MERGED gone | delete brightness",       "MERGED gone | delete brightness"],
  ["deletes it",         "clears it",          "MERGED gone | delete brightness color", "MERGED gone | delete brightness color",    "MERGED gone | delete brightness color", "MERGED gone | delete brightness color"],
  ["deletes it",         "changes nothing",    "MERGED gone",                           "MERGED gone",                              "MERGED gone",                           "MERGED gone"],
  ["deletes it",         "deletes it",         "MERGED gone",                           "MERGED gone",                              "MERGED gone",                           "MERGED gone"],
];

describe.each(ENTITY_TYPES)("a %s", (type) => {
  describe.each(GRID)("that the device %s while the head %s", (device, head, ...cells) => {
    it.each(COLUMNS.map((strategy, column) => [strategy, cells[column]] as const))("by %s: %s", (wish, cell) => {
      const says = { device: { body: EDITS[device].device }, head: { body: EDITS[head].head } };
      expect(cellOf({ ...diverge({ body: BASE }, { ...says, type }), wish })).toBe(cell);
    });
  });
});

/** Who decides: the household's policy for the type, the device's wish, and which strategy comes of the two. */
const POLICY_AND_WISH: readonly [policy: Strategy | undefined, wish: Strategy | undefined, applied: Strategy][] = [
  // Nobody has said anything: MERGE. A wish is heeded.
  [undefined, undefined, "merge"],
  [undefined, "merge", "merge"],
  [undefined, "accept_local", "accept_local"],
  [undefined, "accept_server", "accept_server"],
  [undefined, "manual", "manual"],
  // A wish stands above a policy …
  ["merge", undefined, "merge"],
  ["merge", "accept_local", "accept_local"],
  ["merge", "accept_server", "accept_server"],
  ["merge", "manual", "manual"],
  ["accept_local", undefined, "accept_local"],
  ["accept_local", "merge", "merge"],
  ["accept_local", "accept_server", "accept_server"],
  ["accept_local", "manual", "manual"],
  ["accept_server", undefined, "accept_server"],
  ["accept_server", "merge", "merge"],
  ["accept_server", "accept_local", "accept_local"],
  ["accept_server", "manual", "manual"],
  // … but not above one that wants a person to decide.
  ["manual", undefined, "manual"],
  ["manual", "merge", "manual"],
  ["manual", "accept_local", "manual"],
  ["manual", "accept_server", "manual"],
  ["manual", "manual", "manual"],
];

describe.each(ENTITY_TYPES)("a divergence of a %s", (entityType) => {
  it.each(POLICY_AND_WISH)("under a policy of %s, with a wish for %s, goes by %s", (strategy, wish, applied) => {
    const says = { device: { body: { ...BASE, brightness: 70 } }, head: { body: { ...BASE, brightness: 30 } } };
    const policy = strategy && { entityType, strategy, fieldRules: new Map() };
    const divergence = { ...diverge({ body: BASE }, { ...says, type: entityType }), wish, policy };
    expect(resolveDivergence(divergence).conflict?.strategy).toBe(applied);
  });
});
