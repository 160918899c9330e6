import { canonicalContent, ENDS_KEY } from "@funkygibbon/kernel/content";
import { canonicalJson, type JsonObject, type JsonValue, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import type { DivergedVersion, Divergence, RecordVersion } from "@funkygibbon/kernel/record";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyPatch,
  body,
  ends,
  type Patch,
  PLAIN_KEYS,
  patch,
  RULED_KEYS,
  RUNS,
  SOAK_TIMEOUT_MS,
  time,
  wish,
} from "../../test/arbitraries.ts";
import { buildDivergence, type TestEnds, uuid } from "../../test/build-version.ts";
import { type Edit, HeadChain, stampsOf } from "../../test/head-chain.ts";
import { resolveDivergence } from "./resolve-divergence.ts";

const ALL_KEYS = [...PLAIN_KEYS, ...RULED_KEYS];

/** One concurrent edit of the base: by its own device, at its own time. */
interface ConcurrentEdit {
  readonly at: number;
  readonly patch: Patch;
  readonly ends: TestEnds | undefined;
  readonly deletes: boolean;
}

/** A record and what several devices do to it at once. */
interface Story {
  readonly before: JsonObject;
  /** Makes it a relationship. */
  readonly ends: TestEnds | undefined;
  readonly edits: readonly ConcurrentEdit[];
}

type EditOver = (keys: readonly string[]) => fc.Arbitrary<ConcurrentEdit>;

const update: EditOver = (keys) =>
  fc.record({ at: time, patch: patch(keys), ends: fc.option(ends, { nil: undefined }), deletes: fc.constant(false) });
const updateOrDelete: EditOver = (keys) =>
  fc.tuple(update(keys), fc.boolean()).map(([edit, deletes]) => ({ ...edit, deletes }));

/** A story about an entity, or about a relationship, whose properties may not be called `@ends`. */
function story(keys: readonly string[], edit: EditOver = update, edits = 2): fc.Arbitrary<Story> {
  const tell = (names: readonly string[], storyEnds: fc.Arbitrary<TestEnds | undefined>) =>
    fc.record({
      before: body(names),
      ends: storyEnds,
      edits: fc.array(edit(names), { minLength: edits, maxLength: edits }),
    });
  return fc.oneof(
    tell(keys, fc.constant(undefined)),
    tell(
      keys.filter((key) => key !== ENDS_KEY),
      ends,
    ),
  );
}

const DEVICES = ["phone-a", "phone-b", "panel", "hub"];

/** A chain with the story's base, and its edits ready to be pushed in any order. */
function begin({ before, ends: baseEnds, edits }: Story) {
  const chain = new HeadChain();
  chain.push({ device: "origin", at: 0, body: before, parents: [], ...(baseEnds && { ends: baseEnds }) });
  const base = chain.head;
  const changes = edits.map((edit, index) => editOf(edit, index, { before, baseEnds, base }));
  return { chain, base, changes };
}

function editOf(
  edit: ConcurrentEdit,
  index: number,
  { before, baseEnds, base }: { before: JsonObject; baseEnds: TestEnds | undefined; base: RecordVersion },
): Edit {
  const after = edit.deletes ? null : applyPatch(before, edit.patch);
  const device = DEVICES[index] ?? `device-${index}`;
  const newEnds = baseEnds && (edit.ends ?? baseEnds);
  return { device, at: edit.at, body: after, parents: [base.version], ...(newEnds && { ends: newEnds }) };
}

/** Local, server and base of a story of two edits, each with the stamps that a store gives them. */
function divergenceOf(told: Story): Divergence {
  const { chain, base, changes } = begin(told);
  const [first, second] = changes;
  if (first === undefined || second === undefined) throw new Error("a story of two edits");
  chain.push(first);
  const server = chain.head;
  const other = begin(told).chain;
  other.push(second);
  return buildDivergence({ local: other.head, server, base });
}

/** The version that the resolution makes head. */
function headAfter(divergence: Divergence): DivergedVersion {
  const { decision } = resolveDivergence(divergence);
  if (decision.kind !== "merged") return divergence.server;
  const { deleted, bodyJson, ends: side, stamps } = decision.content;
  const content = { ...divergence[side].content, body: deleted ? null : (JSON.parse(bodyJson ?? "") as JsonObject) };
  return { ...divergence.server, content, deleted, stamps };
}

/** The canonical text of what a version says. Texts, because matchers of objects overlook `__proto__`. */
function says(version: DivergedVersion): string {
  return canonicalContent(version.content);
}

/** The keys that one side edits, and those that the other does. */
function halves(keys: readonly string[]) {
  return [0, 1].map((half) => keys.filter((_, index) => index % 2 === half)) as [string[], string[]];
}

function valueAfter(divergence: Divergence, key: string): string | undefined {
  return text(jsonGet(headAfter(divergence).content.body ?? {}, key));
}

function text(json: JsonValue | undefined): string | undefined {
  return json === undefined ? undefined : canonicalJson(json);
}

function swapped(divergence: Divergence): Divergence {
  return { ...divergence, local: divergence.server, server: divergence.local };
}

function holds<Told>(told: fc.Arbitrary<Told>, property: (told: Told) => void): void {
  fc.assert(fc.property(told, property), { numRuns: RUNS });
}

describe("resolving two concurrent edits", { timeout: SOAK_TIMEOUT_MS }, () => {
  it("is deterministic: the same divergence gets the same answer", () => {
    holds(fc.tuple(story(ALL_KEYS, updateOrDelete), wish), ([told, wished]) => {
      const first = resolveDivergence({ ...divergenceOf(told), wish: wished });
      expect(resolveDivergence({ ...divergenceOf(told), wish: wished })).toEqual(first);
    });
  });

  it("is symmetric: swapping the sides gives the same content and the same stamps", () => {
    holds(story(ALL_KEYS, updateOrDelete), (told) => {
      const divergence = divergenceOf(told);
      const [one, other] = [headAfter(divergence), headAfter(swapped(divergence))];
      expect(says(other)).toEqual(says(one));
      if (!one.deleted) expect(stampsOf(other)).toEqual(stampsOf(one));
    });
  });

  it("is symmetric without a known ancestor too", () => {
    holds(story(ALL_KEYS, updateOrDelete), (told) => {
      const divergence = { ...divergenceOf(told), base: undefined };
      expect(says(headAfter(swapped(divergence)))).toEqual(says(headAfter(divergence)));
    });
  });

  it("keeps both edits when they are of different keys of an entity", () => {
    const [left, right] = halves(ALL_KEYS);
    holds(fc.tuple(body(ALL_KEYS), update(left), update(right)), ([before, one, other]) => {
      const divergence = divergenceOf({ before, ends: undefined, edits: [one, other] });
      const both = applyPatch(applyPatch(before, one.patch), other.patch);
      expect(canonicalJson(headAfter(divergence).content.body)).toEqual(canonicalJson(both));
      expect(resolveDivergence(divergence).conflict).toBeUndefined();
    });
  });

  it("keeps both edits when they are of different keys of a relationship, of which its type and ends are one", () => {
    const properties = ALL_KEYS.filter((key) => key !== ENDS_KEY);
    const [left, right] = halves(properties);
    const told = fc.record({
      before: body(properties),
      from: ends,
      to: ends,
      edits: fc.tuple(update(left), update(right)),
      mover: fc.constantFrom(0, 1, undefined),
    });
    holds(told, ({ before, from, to, edits, mover }) => {
      const moves = edits.map((edit, index) => ({ ...edit, ends: index === mover ? to : undefined }));
      const divergence = divergenceOf({ before, ends: from, edits: moves });
      const head = headAfter(divergence);
      const both = edits.reduce((content, { patch: edit }) => applyPatch(content, edit), before);
      expect(canonicalJson(head.content.body)).toEqual(canonicalJson(both));
      const { type, from: start, to: end } = mover === undefined ? from : to;
      expect(head.content).toMatchObject({ type, from: uuid(start), to: uuid(end) });
      expect(resolveDivergence(divergence).conflict).toBeUndefined();
    });
  });

  it("never brings a removed key back that the other side left alone", () => {
    holds(story(ALL_KEYS), (told) => {
      const [one, other] = told.edits;
      const divergence = divergenceOf(told);
      for (const [key, next] of one?.patch ?? []) {
        if (next === undefined && !other?.patch.has(key)) expect(valueAfter(divergence, key)).toBeUndefined();
      }
    });
  });

  it("changes nothing when both sides say the same, and never calls that a conflict", () => {
    holds(fc.tuple(story(ALL_KEYS, update, 1), time), ([told, at]) => {
      const [edit] = told.edits;
      if (edit === undefined) throw new Error("a story of one edit");
      const divergence = divergenceOf({ ...told, edits: [edit, { ...edit, at }] });
      expect(says(headAfter(divergence))).toEqual(says(divergence.server));
      expect(resolveDivergence(divergence).conflict).toBeUndefined();
      expect(resolveDivergence({ ...divergence, local: divergence.server }).decision).toEqual({ kind: "keep_head" });
    });
  });

  it("is stable: merging a merge with one of its parents again changes nothing", () => {
    holds(story(ALL_KEYS, updateOrDelete), (told) => {
      const divergence = divergenceOf(told);
      const merge = headAfter(divergence);
      for (const parent of [divergence.local, divergence.server]) {
        const again = { ...divergence, server: merge, local: parent };
        expect(says(headAfter(again))).toEqual(says(merge));
        const onTop = { ...divergence, server: merge, local: parent, base: parent };
        expect(resolveDivergence(onTop)).toMatchObject({ decision: { kind: "keep_head" }, conflict: undefined });
      }
    });
  });

  it("never loses an edit in silence, whatever the strategy: what is not in the result is in the conflict", () => {
    holds(fc.tuple(story(ALL_KEYS, updateOrDelete), wish), ([told, wished]) => {
      const divergence = { ...divergenceOf(told), wish: wished };
      const { conflict } = resolveDivergence(divergence);
      const recorded = new Set(conflict?.fields.map(({ field }) => field));
      for (const [side, edit] of [told.edits[1], told.edits[0]].entries()) {
        const version = side === 0 ? divergence.local : divergence.server;
        if (version.deleted) continue;
        for (const [key, next] of edit?.patch ?? []) {
          // Sets lose nothing by being merged: their elements are in the union or were removed.
          if (jsonEquals(next, jsonGet(told.before, key)) || (Array.isArray(next) && key === "capabilities")) continue;
          if (text(next) !== valueAfter(divergence, key)) expect(recorded).toContain(key);
        }
      }
    });
  });
});

describe("a record that several devices edited at once", { timeout: SOAK_TIMEOUT_MS }, () => {
  it("I6: four concurrent edits give the same content for last-write-wins keys in any order of arrival", () => {
    holds(story(PLAIN_KEYS, update, 4), (told) => {
      const contents = permutations([0, 1, 2, 3]).map((order) => says(pushInOrder(told, order).head));
      expect([...new Set(contents)]).toHaveLength(1);
    });
  });

  it("I6: four concurrent creates of one record give the same content in any order of arrival", () => {
    holds(story(PLAIN_KEYS, update, 4), ({ edits, ends: newEnds }) => {
      const contents = permutations([0, 1, 2, 3]).map((order) => {
        const chain = new HeadChain();
        for (const index of order) {
          const edit = edits[index];
          if (edit === undefined) continue;
          const device = DEVICES[index] ?? "";
          chain.push({
            device,
            at: edit.at,
            body: applyPatch({}, edit.patch),
            parents: [],
            ...(newEnds && { ends: newEnds }),
          });
        }
        return says(chain.head);
      });
      expect([...new Set(contents)]).toHaveLength(1);
    });
  });

  it("I6: two devices with two edits each converge however their pushes interleave, and each one's last write of its own key stays", () => {
    const told = fc.record({
      before: body(PLAIN_KEYS),
      first: fc.tuple(patch(PLAIN_KEYS), patch(PLAIN_KEYS)),
      second: fc.tuple(patch(PLAIN_KEYS), patch(PLAIN_KEYS)),
      times: fc.tuple(time, time),
    });
    holds(told, ({ before, first, second, times }) => {
      const contents = INTERLEAVINGS.map((order) => {
        const chain = new HeadChain();
        chain.push({ device: "origin", at: 0, body: before, parents: [] });
        const left = chainOf(chain.head, { device: "phone-a", start: times[0], before, patches: first });
        const right = chainOf(chain.head, { device: "phone-b", start: times[1], before, patches: second });
        for (const side of order) chain.push((side === 0 ? left : right).next().value as Edit);
        return chain.head;
      });
      for (const head of contents) expect(says(head)).toEqual(says(must(contents[0], "there are six")));
      for (const [key, last] of lastWrites(first)) {
        if (second.some((edit) => edit.has(key))) continue;
        expect(text(jsonGet(contents[0]?.content.body ?? {}, key))).toEqual(text(last));
      }
    });
  });

  it("stays deleted in any order of arrival when one of the edits is a delete", () => {
    holds(story(ALL_KEYS, update, 4), (told) => {
      const [first, ...rest] = told.edits;
      if (first === undefined) throw new Error("a story of four edits");
      const edits = [{ ...first, deletes: true }, ...rest];
      const heads = permutations([0, 1, 2, 3]).map((order) => pushInOrder({ ...told, edits }, order).head);
      expect(heads.filter(({ deleted }) => !deleted)).toEqual([]);
    });
  });
});

const INTERLEAVINGS = [
  [0, 0, 1, 1],
  [0, 1, 0, 1],
  [0, 1, 1, 0],
  [1, 0, 0, 1],
  [1, 0, 1, 0],
  [1, 1, 0, 0],
];

/** The edits of one device, each on top of its last one. */
function* chainOf(
  base: RecordVersion,
  { device, start, before, patches }: { device: string; start: number; before: JsonObject; patches: readonly Patch[] },
): Generator<Edit> {
  let content = before;
  let parent = base.version;
  const scratch = new HeadChain();
  scratch.versions.set(base.version, base);
  for (const [index, edit] of patches.entries()) {
    content = applyPatch(content, edit);
    const next: Edit = { device, at: start + index, body: content, parents: [parent] };
    scratch.push(next);
    parent = [...scratch.outcomes.keys()].at(-1) ?? parent;
    yield next;
  }
}

function lastWrites(patches: readonly Patch[]) {
  return new Map(patches.flatMap((edit) => [...edit]));
}

function pushInOrder(told: Story, order: readonly number[]): HeadChain {
  const { chain, changes } = begin(told);
  for (const index of order) {
    const change = changes[index];
    if (change !== undefined) chain.push(change);
  }
  return chain;
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}
