import { describe, expect, it } from "vitest";
import { faultLines, faultOf } from "./fault.ts";
import { lookOf, plain } from "./look.ts";
import { agoText, clockText, parseMoment } from "./moment.ts";
import { table } from "./table.ts";
import { cutTo, fitTo, widthOf } from "./text-width.ts";
import { treeLines } from "./tree.ts";

const NOW = new Date(2026, 10, 28, 9, 30).getTime();
const unpainted = (text: string) => text;

describe("a table", () => {
  const rows = [
    { name: "Desk lamp", count: "7" },
    { name: "Ö", count: "1200" },
  ];
  const columns = [
    { title: "name", of: ({ name }: (typeof rows)[number]) => name },
    { title: "count", of: ({ count }: (typeof rows)[number]) => count, align: "right" as const },
  ];

  it("has columns as wide as what is in them", () => {
    expect(table(rows, columns, { width: 80, title: unpainted })).toEqual([
      "name       count",
      "Desk lamp      7",
      "Ö           1200",
    ]);
  });

  it("cuts the widest column where the terminal ends", () => {
    const long = [{ name: "A name that goes on and on and on", count: "1" }];
    const lines = table(long, columns, { width: 22, title: unpainted });
    expect(lines[1]).toBe("A name that go…      1");
  });

  it("stands in line below characters that take two columns, or none of their own", () => {
    const wide = ["Lamp", "台所の照明", "👩‍👩‍👧 room", "Cafe\u0301"].map((name) => ({ name, count: "1" }));
    const lines = table(wide, columns, { width: 80, title: unpainted });
    expect(lines.map((line) => widthOf(line))).toEqual([17, 17, 17, 17, 17]);
  });

  it("cuts no column to less than the end of an id, and leaves columns out from the right instead", () => {
    const row = { type: "automation", name: "Lights off when everybody is out", where: "Living room", id: "…7e4d21aa" };
    const four = (["type", "name", "where", "id"] as const).map((title) => ({
      title,
      of: (one: typeof row) => one[title],
    }));
    const at = (width: number) => table([row], four, { width, title: unpainted })[1];
    expect(at(50)).toBe("automation  Lights off wh…  Living room  …7e4d21aa");
    expect(at(42)).toBe("automati…  Lights o…  Living r…  …7e4d21aa");
    expect(at(41)).toBe("automation  Lights off when…  Living room");
    expect(at(20)).toBe("automati…  Lights o…");
    expect(at(5)).toBe("automati…  Lights o…");
  });
});

describe("a tree", () => {
  const leaf = (name: string, about: string) => ({ id: "i", type: "device", name, about, children: [] });
  const room = {
    ...leaf("Study", ""),
    type: "room",
    children: [leaf("机のランプ", "Lumen  dimming"), leaf("Fan", "")],
  };
  const lines = (width: number) =>
    treeLines({ ...room, name: "Home", children: [room] }, { ...lookOf(plainly), width });
  const plainly = { colourful: false, width: 80, nowMs: NOW };

  it("tells beside each other what things are", () => {
    expect(lines(80)).toEqual(["Home", "└─ Study", "   ├─ 机のランプ  Lumen  dimming", "   └─ Fan         device"]);
  });

  it("is as wide as the terminal at most, in which what things are comes second", () => {
    expect(lines(26)).toEqual(["Home", "└─ Study", "   ├─ 机のランプ  Lumen  …", "   └─ Fan         device"]);
    expect(lines(16)).toEqual(["Home", "└─ Study", "   ├─ 机のランプ", "   └─ Fan"]);
    expect(lines(13)).toEqual(["Home", "└─ Study", "   ├─ 机のラ…", "   └─ Fan"]);
  });
});

describe("a text with a width", () => {
  it.each([
    ["Lamp", 8, "Lamp    "],
    ["Kitchen lamp", 8, "Kitchen…"],
    ["台所の照明", 8, "台所の… "],
    ["台所の照明", 10, "台所の照明"],
    ["👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 5, "👩‍👩‍👧👩‍👩‍👧…"],
    ["🇩🇪🇫🇷🇮🇹", 4, "🇩🇪… "],
    ["𠮷野家𠮷野家", 6, "𠮷野… "],
    ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
    ["Lamp", 1, "…"],
    ["Lamp", 0, ""],
  ])("%s in %i columns is %j", (text, width, fitted) => {
    expect(fitTo(text, width)).toBe(fitted);
    expect(cutTo(text, width)).toBe(fitted.trimEnd());
  });
});

describe("times", () => {
  it.each([
    ["now", NOW],
    ["90m", NOW - 90 * 60_000],
    ["2 d", NOW - 2 * 86_400_000],
    ["3h ago", NOW - 3 * 3_600_000],
    ["today", new Date(2026, 10, 28).getTime()],
    ["yesterday", new Date(2026, 10, 27).getTime()],
    ["2026-11-01", new Date(2026, 10, 1).getTime()],
    ["2026-11-01T07:15", new Date(2026, 10, 1, 7, 15).getTime()],
    ["2026-11-01T07:15:00Z", Date.UTC(2026, 10, 1, 7, 15)],
    ["2026-11-01 07:15+02:00", Date.UTC(2026, 10, 1, 5, 15)],
  ])("are read as a person writes them: %s", (text, ms) => {
    expect(parseMoment(text, NOW).getTime()).toBe(ms);
  });

  it.each(["", "soon", "2026-13-45", "5y", "09:30"])("are refused when they are none: %j", (text) => {
    expect(() => parseMoment(text, NOW)).toThrow(expect.objectContaining({ reason: "USAGE" }));
  });

  it("are told from now while that is short", () => {
    expect([1, 40, 1_500, 40_000].map((seconds) => agoText(NOW - seconds * 1_000, NOW))).toEqual([
      "just now",
      "40 s ago",
      "25 min ago",
      "11 h ago",
    ]);
    expect(agoText(NOW - 5 * 86_400_000, NOW)).toBe(clockText(NOW - 5 * 86_400_000));
    expect(clockText(NOW)).toBe("2026-11-28 09:30");
  });
});

describe("text of other people", () => {
  it("cannot steer the terminal, nor take more than its line", () => {
    expect(plain("Lamp\u001b[2J\u001b]0;owned\u0007 on\nfire \u202Etxt")).toBe(
      "Lamp\uFFFD[2J\uFFFD]0;owned\uFFFD on fire \uFFFDtxt",
    );
    expect(plain("👩\u200D👧 می\u200Cخواهم")).toBe("👩\u200D👧 می\u200Cخواهم");
  });
});

describe("colours", () => {
  it("are there where a person looks, and nowhere else", () => {
    const size = { width: 80, nowMs: NOW };
    expect(lookOf({ colourful: false, ...size }).red("stop")).toBe("stop");
    expect(lookOf({ colourful: true, ...size }).red("stop")).toBe("\u001b[31mstop\u001b[39m");
  });
});

describe("a fault of ours", () => {
  it("is told with where it happened", () => {
    const look = lookOf({ colourful: false, width: 80, nowMs: NOW });
    const fault = faultOf(new TypeError("undefined is not a function"));
    expect(fault).toMatchObject({ kind: "internal", reason: "INTERNAL" });
    expect(faultLines(fault, look)[0]).toContain("present.test.ts");
  });
});
