import { Direction } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { measureCalls, openMcpHome } from "./mcp-home.ts";
import type { Measurement } from "./measurement.ts";

const NEIGHBOURS = 50;

/**
 * `get_entity_details` of a device, by the official client of revision 2026-07-28, one call after the other. Baseline: the
 * three calls of entity-store that it makes, all at once.
 */
export async function run(): Promise<Measurement[]> {
  await using home = await openMcpHome();
  const { assistant, entities, graph, as } = home;
  return [
    await measureCalls({
      name: "mcp-read",
      bars: { p50: 6, p99: 25 },
      async call() {
        const result = await assistant.callTool({ name: "get_entity_details", arguments: { entity: home.device() } });
        if (result.isError === true) throw new Error(JSON.stringify(result.content));
      },
      async bare() {
        const id = home.device();
        const around = { entityId: id, direction: Direction.BOTH, limit: NEIGHBOURS };
        await Promise.all([
          entities.getEntity({ id }, as),
          graph.getAncestors({ entityId: id }, as),
          graph.getNeighbours(around, as),
        ]);
      },
    }),
  ];
}
