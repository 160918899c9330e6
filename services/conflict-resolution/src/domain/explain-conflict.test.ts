import { describe, expect, it } from "vitest";
import { buildConflictFile } from "../../test/build-conflict.ts";
import { buildVersion } from "../../test/build-version.ts";
import { HeadChain } from "../../test/head-chain.ts";
import { explainConflict } from "./explain-conflict.ts";
import { resolveDivergence } from "./resolve-divergence.ts";

const BASE = { brightness: 50, capabilities: ["dim"], color: "red", name: "Lamp", room: "hall" };

function edited(device: string, at: number, body: typeof BASE | Record<string, string | number | string[]>) {
  const chain = new HeadChain();
  chain.push({ device: "panel", at: 0, body: BASE, parents: [] });
  const base = chain.head;
  chain.push({ device, at, body, parents: [base.version] });
  return { base, version: chain.head };
}

const { base, version: local } = edited("ada-phone", 20, {
  ...BASE,
  brightness: 70,
  capabilities: ["color", "dim"],
  name: "Lampe",
});
const { version: server } = edited("bob-phone", 10, {
  brightness: 30,
  capabilities: ["dim", "timer"],
  color: "blue",
  name: "The lamp",
  room: "hall",
});
const plain = { localTimes: "", wish: undefined, policy: undefined, restored: false, serverCascade: false };

describe("explaining a conflict that rules decided", () => {
  const { conflict } = resolveDivergence({ ...plain, local, server, base });
  const file = buildConflictFile({ local, server, base, head: server, conflict: { ...conflict, decision: "merged" } });
  const explained = new Map(explainConflict(file).map((field) => [field.values.field, field]));

  it("shows every key of either side in three columns, sorted", () => {
    expect([...explained.keys()]).toEqual(["brightness", "capabilities", "color", "name", "room"]);
    expect(explained.get("brightness")?.values).toEqual({
      field: "brightness",
      localJson: "70",
      serverJson: "30",
      baseJson: "50",
      decidedJson: "70",
      rule: "last-write-wins",
    });
  });

  it.each([
    [
      "brightness",
      "Both sides changed it. The later edit stands: user-of-ada-phone on ada-phone at 2026-11-23T08:00:20.000Z.",
    ],
    [
      "capabilities",
      "Both sides changed it. It is a set: what either side added is in, what either side removed is out.",
    ],
    ["color", "Only the other side changed it."],
    ["name", "Both sides changed it. The longer text stands."],
    ["room", "Nobody disagrees about it."],
  ])("says of %s: %s", (key, sentence) => {
    expect(explained.get(key)?.explanation).toBe(sentence);
  });

  it("tells what came of keys on which nothing was lost", () => {
    expect(explained.get("capabilities")?.values.decidedJson).toBe('["color","dim","timer"]');
    expect(explained.get("color")?.values.decidedJson).toBe('"blue"');
    expect(explained.get("room")).toMatchObject({ equal: true, values: { decidedJson: '"hall"' } });
  });
});

describe("explaining a conflict that waits", () => {
  it("shows no decided value yet", () => {
    const fields = explainConflict(buildConflictFile({ local, server, base, head: server }));
    expect(fields.map(({ values }) => values.decidedJson)).toEqual(fields.map(() => undefined));
    expect(fields.find(({ values }) => values.field === "brightness")?.explanation).toBe(
      "Both sides changed it. It waits for a person.",
    );
  });

  it("explains an edit of a record that the store never had", () => {
    const fields = explainConflict(buildConflictFile({ local }));
    expect(fields.find(({ values }) => values.field === "name")).toMatchObject({
      values: { localJson: '"Lampe"', serverJson: undefined },
      explanation: "Only the device changed it.",
    });
  });
});

describe("explaining a delete", () => {
  it("says that it stands above the edits that it took", () => {
    const tombstone = buildVersion({ device: "bob-phone", at: 10, body: null, parents: [base] });
    const { conflict } = resolveDivergence({ ...plain, local, server: tombstone, base });
    const file = buildConflictFile({ local, server: tombstone, base, head: tombstone, conflict: { ...conflict } });
    const fields = new Map(explainConflict(file).map((field) => [field.values.field, field]));
    expect(fields.get("brightness")).toMatchObject({
      values: { localJson: "70", serverJson: undefined, decidedJson: undefined, rule: "delete-wins" },
      explanation:
        "The device changed it and the other side removed it. One side deleted the record, and a delete stands above edits.",
    });
  });

  it("names the rules by which the store refuses edges", () => {
    const ends = { type: "located_in", from: 1, to: 2 } as const;
    const edge = buildVersion({ device: "ada-phone", at: 20, body: {}, ends });
    const refused = {
      type: "cyclic_relationship",
      decision: "kept_server",
      fields: [
        {
          field: "@ends",
          localJson: "{}",
          serverJson: undefined,
          baseJson: undefined,
          decidedJson: undefined,
          rule: "cycle-refused",
        },
      ],
    } as const;
    const [field] = explainConflict(buildConflictFile({ local: edge, conflict: refused }));
    expect(field?.explanation).toBe("Only the device changed it. The device's edge would have closed a cycle.");
  });
});
