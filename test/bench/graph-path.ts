import type { RecordId } from "@funkygibbon/kernel/ids";
import { GraphStore, measureQuestion } from "./graph-store.ts";
import type { LargeHousehold } from "./large-household.ts";
import { type Measurement, rounded } from "./measurement.ts";
import { SeededRandom } from "./seeded-random.ts";

interface Route {
  readonly from: RecordId;
  readonly to: RecordId;
  readonly directed: boolean;
}

/** From a thing up to its home; between two things of a home; between things of any two homes, which often meet in a hub. */
const ROUTES: Readonly<Record<string, (household: LargeHousehold, random: SeededRandom) => Route>> = {
  directed({ homes }, random) {
    const home = random.pick(homes);
    return { from: random.pick(home.services), to: home.id, directed: true };
  },
  within({ homes }, random) {
    const home = random.pick(homes);
    return { from: random.pick(home.services), to: random.pick(home.rooms), directed: false };
  },
  across({ homes }, random) {
    const [from, to] = [random.pick(homes), random.pick(homes)];
    return { from: random.pick(from.services), to: random.pick(to.accessories), directed: false };
  },
};

/**
 * GraphService.FindPath over all types of edges of the large household, of three kinds of routes. Baseline: a bare select
 * of one entity by its key.
 */
export async function run(): Promise<Measurement[]> {
  await using store = await GraphStore.open();
  const measurements: Measurement[] = [];
  for (const [kind, route] of Object.entries(ROUTES)) {
    const random = new SeededRandom(12);
    const lengths: number[] = [];
    measurements.push(
      await measureQuestion(store, {
        name: `graph-path-${kind}`,
        method: "FindPath",
        calls: 400,
        async ask({ household, graph, as }) {
          const { from, to, directed } = route(household, random);
          const { steps } = await graph.findPath({ fromId: from, toId: to, directed }, as);
          lengths.push(steps.length);
        },
        bare: (opened) => opened.selectByKey(random.pick(opened.household.entities)),
        describe: () => ({ steps: rounded(lengths.reduce((sum, length) => sum + length, 0) / lengths.length) }),
      }),
    );
  }
  return measurements;
}
