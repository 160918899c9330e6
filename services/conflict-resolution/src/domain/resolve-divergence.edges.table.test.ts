import { RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import { describe, expect, it } from "vitest";
import { uuid } from "../../test/build-version.ts";
import { COLUMNS, cellOf, diverge, type GridLine, type Says } from "../../test/decision-grid.ts";
import { resolveDivergence } from "./resolve-divergence.ts";

/** What the device did to an edge, and what somebody else did meanwhile. The device's edit is the later one. */
const edits = (type: (typeof RELATIONSHIP_TYPES)[number]) => {
  const at = (to: number) => ({ type, from: 1, to });
  const body = { since: 2024 };
  return {
    "leads it elsewhere": { device: { body, ends: at(3) }, head: { body, ends: at(4) } },
    "sets since": { device: { body: { since: 2026 }, ends: at(2) }, head: { body: { since: 2025 }, ends: at(2) } },
    "adds a property": {
      device: { body: { ...body, note: 1 }, ends: at(2) },
      head: { body: { ...body, tag: 1 }, ends: at(2) },
    },
    "removes since": { device: { body: {}, ends: at(2) }, head: { body: {}, ends: at(2) } },
    "changes nothing": { device: { body, ends: at(2) }, head: { body, ends: at(2) } },
    "deletes it": { device: { body: null, ends: at(2) }, head: { body: null, ends: at(2) } },
  } satisfies Record<string, Record<"device" | "head", Says>>;
};
type Kind = keyof ReturnType<typeof edits>;

// How to read a cell: see GridLine. `@ends` is the key under which type and ends of an edge are one.
// biome-ignore format: a table is read by its columns
const GRID: readonly GridLine<Kind>[] = [
  // the device           the head              MERGE                            ACCEPT_LOCAL                     ACCEPT_SERVER                 MANUAL
  ["leads it elsewhere", "leads it elsewhere", "MERGED device | content @ends", "MERGED device | content @ends", "LOSES head | content @ends", "WAITS head | content @ends"],
  ["leads it elsewhere", "sets since",         "MERGED both",                   "MERGED device | version since", "LOSES head | version @ends", "WAITS head | version @ends"],
  ["leads it elsewhere", "adds a property",    "MERGED both",                   "MERGED device | version tag",   "LOSES head | version @ends", "WAITS head | version @ends"],
  ["leads it elsewhere", "removes since",      "MERGED both",                   "MERGED device | version since", "LOSES head | version @ends", "WAITS head | version @ends"],
  ["leads it elsewhere", "changes nothing",    "MERGED device",                 "MERGED device",                 "LOSES head | version @ends", "WAITS head | version @ends"],
  ["leads it elsewhere", "deletes it",         "LOSES gone | delete @ends",     "LOSES gone | delete @ends",     "LOSES gone | delete @ends",  "LOSES gone | delete @ends"],

  ["sets since",         "leads it elsewhere", "MERGED both",                   "MERGED device | version @ends", "LOSES head | version since", "WAITS head | version since"],
  ["sets since",         "sets since",         "MERGED device | content since", "MERGED device | content since", "LOSES head | content since", "WAITS head | content since"],
  ["sets since",         "adds a property",    "MERGED both",                   "MERGED device | version tag",   "LOSES head | version since", "WAITS head | version since"],
  ["sets since",         "removes since",      "MERGED device | content since", "MERGED device | content since", "LOSES head | content since", "WAITS head | content since"],
  ["sets since",         "changes nothing",    "MERGED device",                 "MERGED device",                 "LOSES head | version since", "WAITS head | version since"],
  ["sets since",         "deletes it",         "LOSES gone | delete since",     "LOSES gone | delete since",     "LOSES gone | delete since",  "LOSES gone | delete since"],

  ["adds a property",    "leads it elsewhere", "MERGED both",                   "MERGED device | version @ends", "LOSES head | version note",  "WAITS head | version note"],
  ["adds a property",    "sets since",         "MERGED both",                   "MERGED device | version since", "LOSES head | version note",  "WAITS head | version note"],
  ["adds a property",    "adds a property",    "MERGED both",                   "MERGED device | version tag",   "LOSES head | version note",  "WAITS head | version note"],
  ["adds a property",    "removes since",      "MERGED both",                   "MERGED device | version since", "LOSES head | version note",  "WAITS head | version note"],
  ["adds a property",    "changes nothing",    "MERGED device",                 "MERGED device",                 "LOSES head | version note",  "WAITS head | version note"],
  ["adds a property",    "deletes it",         "LOSES gone | delete note",      "LOSES gone | delete note",      "LOSES gone | delete note",   "LOSES gone | delete note"],

  ["removes since",      "leads it elsewhere", "MERGED both",                   "MERGED device | version @ends", "LOSES head | version since", "WAITS head | version since"],
  ["removes since",      "sets since",         "MERGED device | content since", "MERGED device | content since", "LOSES head | content since", "WAITS head | content since"],
  ["removes since",      "adds a property",    "MERGED both",                   "MERGED device | version tag",   "LOSES head | version since", "WAITS head | version since"],
  ["removes since",      "removes since",      "MERGED head",                   "MERGED head",                   "MERGED head",                "MERGED head"],
  ["removes since",      "changes nothing",    "MERGED device",                 "MERGED device",                 "LOSES head | version since", "WAITS head | version since"],
  ["removes since",      "deletes it",         "LOSES gone | delete since",     "LOSES gone | delete since",     "LOSES gone | delete since",  "LOSES gone | delete since"],

  ["changes nothing",    "leads it elsewhere", "LOSES head",                    "MERGED device | version @ends", "LOSES head",                 "LOSES head"],
  ["changes nothing",    "sets since",         "LOSES head",                    "MERGED device | version since", "LOSES head",                 "LOSES head"],
  ["changes nothing",    "adds a property",    "LOSES head",                    "MERGED device | version tag",   "LOSES head",                 "LOSES head"],
  ["changes nothing",    "removes since",      "LOSES head",                    "MERGED device | version since", "LOSES head",                 "LOSES head"],
  ["changes nothing",    "changes nothing",    "LOSES head",                    "LOSES head",                    "LOSES head",                 "LOSES head"],
  ["changes nothing",    "deletes it",         "LOSES gone",                    "LOSES gone",                    "LOSES gone",                 "LOSES gone"],

  ["deletes it",         "leads it elsewhere", "MERGED gone | delete @ends",    "MERGED gone | delete @ends",    "MERGED gone | delete @ends", "MERGED gone | delete @ends"],
  ["deletes it",         "sets since",         "MERGED gone | delete since",    "MERGED gone | delete since",    "MERGED gone | delete since", "MERGED gone | delete since"],
  ["deletes it",         "adds a property",    "MERGED gone | delete tag",      "MERGED gone | delete tag",      "MERGED gone | delete tag",   "MERGED gone | delete tag"],
  ["deletes it",         "removes since",      "MERGED gone | delete since",    "MERGED gone | delete since",    "MERGED gone | delete since", "MERGED gone | delete since"],
  ["deletes it",         "changes nothing",    "MERGED gone",                   "MERGED gone",                   "MERGED gone",                "MERGED gone"],
  ["deletes it",         "deletes it",         "MERGED gone",                   "MERGED gone",                   "MERGED gone",                "MERGED gone"],
];

describe.each(RELATIONSHIP_TYPES)("an edge %s", (type) => {
  describe.each(GRID)("that the device %s while the head %s", (device, head, ...cells) => {
    it.each(COLUMNS.map((strategy, column) => [strategy, cells[column]] as const))("by %s: %s", (wish, cell) => {
      const all = edits(type);
      const says = { device: all[device].device, head: all[head].head };
      expect(cellOf({ ...diverge(all["changes nothing"].head, says), wish })).toBe(cell);
    });
  });
});

describe("the type and the ends of an edge", () => {
  const body = {};
  const base = { body, ends: { type: "located_in", from: 1, to: 2 } } as const;
  const retyped = { body, ends: { type: "part_of", from: 1, to: 2 } } as const;
  const moved = { body, ends: { type: "located_in", from: 1, to: 3 } } as const;

  it("are one: of an edge that the device gave another type while the head led it elsewhere, the later edit stands whole", () => {
    const divergence = diverge(base, { device: retyped, head: moved });
    expect(cellOf(divergence)).toBe("MERGED device | content @ends");
    const [ends] = resolveDivergence(divergence).conflict?.fields ?? [];
    expect([ends?.localJson, ends?.serverJson, ends?.baseJson].map((text) => JSON.parse(text ?? ""))).toEqual(
      [retyped, moved, base].map(({ ends: { type, from, to } }) => ({ type, from: uuid(from), to: uuid(to) })),
    );
  });

  it("are merged apart from the properties without a known ancestor too", () => {
    const divergence = diverge(base, { device: { ...base, body: { note: 1 } }, head: moved });
    const { decision, conflict } = resolveDivergence({ ...divergence, base: undefined });
    expect(decision).toMatchObject({ kind: "merged", content: { ends: "server", bodyJson: '{"note":1}' } });
    expect(conflict?.fields.map(({ field }) => field)).toEqual(["@ends"]);
  });
});
