import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { DomainError } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { relationshipTypes } from "@funkygibbon/wire/graph-types";
import { shortestPath } from "../../domain/shortest-path.ts";
import { parseAt, parseCount, parseEnums } from "../shared/fields.ts";
import { presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { presentReached, requireEntity } from "./reached.ts";

const MAX_DEPTH = { field: "max_depth", standard: 10, maximum: 20 };

/** GraphService.FindPath. */
export function findPath({ graph }: Pick<StoreApi, "graph">): HandlerOf<typeof GraphService.method.findPath> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const query = {
      from: parseRecordId(request.fromId, "from_id"),
      to: parseRecordId(request.toId, "to_id"),
      types: parseEnums(relationshipTypes, request.types, "types"),
      directed: request.directed,
      maxDepth: parseCount(request.maxDepth, MAX_DEPTH),
    };
    return graph.snapshot({ household, at: parseAt(request.at), signal: call.signal }, async (snapshot) => {
      const [start] = await Promise.all([requireEntity(snapshot, query.from), requireEntity(snapshot, query.to)]);
      const path = await shortestPath(snapshot, query);
      if (path === undefined) {
        const message = `no path of at most ${query.maxDepth} steps leads from ${query.from} to ${query.to}`;
        throw new DomainError("not-found", message, { reason: "NO_PATH" });
      }
      const steps = path.steps.map((step, index) => ({ ...step, distance: index + 1 }));
      return { start: presentEntity(start), steps: await presentReached(snapshot, steps, path.nodes) };
    });
  };
}
