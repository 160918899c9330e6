import { GraphStore, measureQuestion } from "./graph-store.ts";
import type { Measurement } from "./measurement.ts";
import { SeededRandom } from "./seeded-random.ts";

/**
 * GraphService.GetNeighbours of entities drawn at random from the large household: all types, both directions, the
 * standard limit of 100. Baseline: a bare select of one entity by its key.
 */
export async function run(): Promise<Measurement[]> {
  await using store = await GraphStore.open();
  const random = new SeededRandom(11);
  const found: number[] = [];
  const entityId = () => random.pick(store.household.entities);
  return [
    await measureQuestion(store, {
      name: "graph-neighbours",
      method: "GetNeighbours",
      calls: 1_000,
      async ask({ graph, as }) {
        const { neighbours } = await graph.getNeighbours({ entityId: entityId() }, as);
        found.push(neighbours.length);
      },
      bare: (opened) => opened.selectByKey(entityId()),
      describe: () => ({ neighbours: found.reduce((sum, count) => sum + count, 0) / found.length }),
    }),
  ];
}
