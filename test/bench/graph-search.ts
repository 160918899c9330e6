import { GraphStore, measureQuestion } from "./graph-store.ts";
import { type Measurement, rounded } from "./measurement.ts";
import { SeededRandom } from "./seeded-random.ts";

/** What somebody types who means an entity of this name. */
const QUERIES: Readonly<Record<string, (name: string, random: SeededRandom) => string>> = {
  exact: (name) => name,
  prefix: (name, random) => name.slice(0, 3 + random.below(5)),
  substring: (name, random) => longWord(name, random).slice(1, 5 + random.below(2)),
  typo: (name, random) => mistyped(random.below(2) === 0 ? name : longWord(name, random), random),
};

/**
 * GraphService.SearchEntities in the large household, the standard 20 answers, for names drawn at random: typed whole, their
 * beginnings, parts of their words, and names and words with one letter missing, swapped or wrong. Baseline: a bare select
 * of one entity by its key.
 */
export async function run(): Promise<Measurement[]> {
  await using store = await GraphStore.open();
  const measurements: Measurement[] = [];
  for (const [kind, typed] of Object.entries(QUERIES)) {
    const random = new SeededRandom(13);
    let hits = 0;
    let calls = 0;
    measurements.push(
      await measureQuestion(store, {
        name: `graph-search-${kind}`,
        method: "SearchEntities",
        calls: 300,
        async ask({ household, graph, as }) {
          const found = await graph.searchEntities({ query: typed(random.pick(household.names), random) }, as);
          hits += found.hits.length;
          calls += 1;
        },
        bare: (opened) => opened.selectByKey(random.pick(opened.household.entities)),
        describe: () => ({ hits: rounded(hits / calls) }),
      }),
    );
  }
  return measurements;
}

function longWord(name: string, random: SeededRandom): string {
  const words = name.split(" ").filter((word) => word.length >= 5);
  return words.length === 0 ? name : random.pick(words);
}

/** One letter is missing, swapped with the next one, or another one; never the first. */
function mistyped(text: string, random: SeededRandom): string {
  const at = 1 + random.below(text.length - 2);
  const [before, letter, next, after] = [text.slice(0, at), text[at], text[at + 1], text.slice(at + 2)];
  return random.pick([`${before}${next}${after}`, `${before}${next}${letter}${after}`, `${before}x${next}${after}`]);
}
