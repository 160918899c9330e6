import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { StoreApi } from "../shared/store-api.ts";
import { checkIntegrity } from "./check-integrity.ts";
import { diffGraph } from "./diff-graph.ts";
import { findPath } from "./find-path.ts";
import { findSimilarEntities } from "./find-similar-entities.ts";
import { getAncestors } from "./get-ancestors.ts";
import { getDescendants } from "./get-descendants.ts";
import { getNeighbours } from "./get-neighbours.ts";
import { getStatistics } from "./get-statistics.ts";
import { getSubgraph } from "./get-subgraph.ts";
import { searchEntities } from "./search-entities.ts";
import { traverse } from "./traverse.ts";

/** The questions about how things relate. */
export function graphService(api: StoreApi): BoundService {
  return implement(GraphService, {
    access: "user",
    handlers: {
      getNeighbours: getNeighbours(api),
      traverse: traverse(api),
      findPath: findPath(api),
      getSubgraph: getSubgraph(api),
      getAncestors: getAncestors(api),
      getDescendants: getDescendants(api),
      searchEntities: searchEntities(api),
      findSimilarEntities: findSimilarEntities(api),
      diffGraph: diffGraph(api),
      getStatistics: getStatistics(api),
      checkIntegrity: checkIntegrity(api),
    },
  });
}
