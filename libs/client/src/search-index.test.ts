import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { parseDeviceId, type RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { type Match, QueryMatcher } from "@funkygibbon/kernel/search-match";
import { nameOf } from "@funkygibbon/kernel/search-text";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import { formatVersion } from "@funkygibbon/kernel/version";
import fc from "fast-check";
import { expect, it } from "vitest";
import { GraphIndex } from "./graph-index.ts";
import type { BaseRecord } from "./replica-record.ts";
import type { Visible } from "./replica-transaction.ts";
import { SearchIndex } from "./search-index.ts";
import { sampleId, sampleRecord } from "./testing/sample-replica.ts";

const DEVICE = parseDeviceId("ada");
const WORDS = [
  "kitchen",
  "Küche",
  "lamp",
  "Lampe",
  "light",
  "12",
  "123",
  "a1",
  "of",
  "the",
  "x",
  "浴室",
  "𠀀灯",
  "💡lamp",
  `${"o".repeat(33)}zq`,
  `${"longer than what is indexed of a word".replaceAll(" ", "")}${"x".repeat(40)}lamp`,
];
const word = fc.constantFrom(...WORDS);
const text = fc
  .array(word, { maxLength: 4 })
  .chain((words) => fc.constantFrom(" ", " ", "-", "\n", "\u0002").map((between) => words.join(between)));
const body: fc.Arbitrary<JsonObject> = fc.record(
  {
    name: fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.constant(7) }),
    note: text,
    level: fc.constantFrom(12, 1.5),
    inside: fc.record({ list: fc.array(text, { maxLength: 2 }) }),
    imported: fc.constant({ source: "lamp" }),
  },
  { requiredKeys: [] },
);
const type = fc.constantFrom<EntityType>("room", "device");
const change = fc.record({ at: fc.nat(11), type, body, deleted: fc.boolean() });
const typed = fc.tuple(text, fc.nat(6), fc.nat(3), fc.boolean()).map(([text, cut, late, swap]) => {
  const asked = swap && text.length > 3 ? `${text[0]}${text[2]}${text[1]}${text.slice(3)}` : text;
  return asked.slice(late, Math.max(late + 1, asked.length - cut));
});

function entity(
  n: number,
  version: number,
  { type, body, deleted }: { type: EntityType; body: object; deleted: boolean },
): BaseRecord {
  const bodyJson = deleted ? "" : JSON.stringify(body);
  return {
    ...sampleRecord(n),
    version: formatVersion(1_000, DEVICE, version + 1),
    content: { kind: "entity", type, source: "manual", bodyJson },
    deleted,
  };
}

/** What is seen, and its index. */
class Home {
  readonly seen = new Map<RecordId, Visible>();
  readonly graph = new GraphIndex({ visible: (id) => this.seen.get(id), glance: (id) => this.seen.get(id) });

  set(record: BaseRecord): void {
    const before = this.seen.get(record.record);
    this.seen.set(record.record, record);
    this.graph.change(before, record);
  }
}

/** What the index stands for: every body asked, kind by kind while there is room. */
function scan({ seen }: Home, query: string, types: readonly EntityType[] | undefined, limit: number) {
  const matcher = new QueryMatcher(query);
  const hits: { id: string; name: string; match: Match }[] = [];
  for (const { record, content, deleted } of seen.values()) {
    if (deleted || content.kind !== "entity" || types?.includes(content.type) === false) continue;
    const body = JSON.parse(content.bodyJson) as JsonObject;
    const match = matcher.match(body);
    if (match !== undefined) hits.push({ id: record, name: nameOf(body), match });
  }
  hits.sort((a, b) => b.match.score - a.match.score || compareUtf8(a.name, b.name) || compareUtf8(a.id, b.id));
  return hits.slice(0, limit).map(({ id, match }) => ({ id, match }));
}

it("answers as if every body were asked, whatever has changed since it was asked last", () => {
  const round = fc.record({
    changes: fc.array(change, { maxLength: 8 }),
    asked: typed,
    types: fc.option(fc.constant<EntityType[]>(["room"]), { nil: undefined }),
    limit: fc.constantFrom(1, 3, 20),
  });
  fc.assert(
    fc.property(fc.array(round, { minLength: 1, maxLength: 4 }), (rounds) => {
      const home = new Home();
      let index: SearchIndex | undefined;
      let version = 0;
      for (const { changes, asked, types, limit } of rounds) {
        for (const { at, ...said } of changes) home.set(entity(at, version++, said));
        // What is there before the first question is read at once, what comes later as it comes.
        index ??= new SearchIndex(home.graph);
        expect(index.search(asked, { types, limit }), asked).toEqual(scan(home, asked, types, limit));
        const answers = scan(home, asked, undefined, 1_000).filter(({ match }) => match.kind !== "fuzzy");
        expect([...index.answering(asked)].sort(), asked).toEqual(answers.map(({ id }) => id).sort());
      }
    }),
    { numRuns: 2000 },
  );
});

it("is read in pieces, and anew when most of what it holds is gone", () => {
  const home = new Home();
  const set = (n: number, version: number, name: string) =>
    home.set(entity(n, version, { type: "room", body: { name }, deleted: false }));
  for (let n = 0; n < 50; n++) set(n, n, `Room ${n}`);
  const index = new SearchIndex(home.graph);
  let pieces = 1;
  while (!index.readOn(0)) pieces += 1;
  expect(pieces).toBe(50);
  for (let version = 50; version < 12_000; version++) {
    set(version % 50, version, `Hall ${version}`);
    if (version % 500 === 0) index.readOn(1_000);
  }
  expect(index.search("hall 11999", { limit: 5 })[0]?.id).toBe(sampleId(11_999 % 50));
  expect(index.answering("room")).toEqual(new Set());
});
