import { int8Array } from "@funkygibbon/postgres/binary-array";
import { GraphStore, measureQuestion } from "./graph-store.ts";
import { HOME_SIZE } from "./large-household.ts";
import { type Measurement, rounded } from "./measurement.ts";
import { SeededRandom } from "./seeded-random.ts";

/**
 * GraphService.GetSubgraph of a home of 500 entities with all edges among them, as of a time after which a part of them
 * has changed. Baseline: a bare select of as many versions by their keys.
 */
export async function run(): Promise<Measurement[]> {
  await using store = await GraphStore.open();
  const random = new SeededRandom(14);
  const { from, until } = store.household.settledUs;
  let edges = 0;
  let calls = 0;
  return [
    await measureQuestion(store, {
      name: "graph-asof",
      method: "GetSubgraph",
      calls: 100,
      async ask({ household, graph, as }) {
        const atUs = Math.floor(from + random.next() * (until - from));
        const at = { seconds: BigInt(Math.floor(atUs / 1e6)), nanos: 0 };
        const answer = await graph.getSubgraph({ entityId: random.pick(household.homes).id, at }, as);
        if (answer.entities.length !== HOME_SIZE)
          throw new Error(`${answer.entities.length} entities, not ${HOME_SIZE}`);
        edges += answer.relationships.length;
        calls += 1;
      },
      bare({ household, postgres }) {
        const first = random.below(100_000);
        const seqs = Array.from({ length: HOME_SIZE + Math.round(edges / calls) }, (_, n) => first + n * 50);
        return postgres.query({
          name: "by-keys",
          text: SELECT_BY_KEYS,
          values: [household.log.household, int8Array(seqs)],
        });
      },
      describe: () => ({ entities: HOME_SIZE, edges: rounded(edges / calls) }),
    }),
  ];
}

const SELECT_BY_KEYS = "select * from record_versions where household_id = $1 and seq = any ($2::int8[])";
