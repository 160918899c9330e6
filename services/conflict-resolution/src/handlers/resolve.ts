import type { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import type { Divergence as WireDivergence } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { invalid, seenFrom } from "@funkygibbon/kernel/errors";
import { MAX_CHANGES_PER_PUSH } from "@funkygibbon/kernel/limits";
import type { Divergence, Resolution } from "@funkygibbon/kernel/record";
import type { Handlers } from "@funkygibbon/rpc/service";
import { divergenceFromWire, resolutionToWire } from "@funkygibbon/wire/divergence";
import { resolveDivergence } from "../domain/resolve-divergence.ts";

/** Told of every batch. */
export type BatchListener = (resolutions: readonly Resolution[], durationMs: number) => void;

/** Options of {@link resolveHandler}. */
export interface ResolveOptions {
  /** A batch holds the event loop for about this long at a time, so that a huge one does not stall the others. Default 10. */
  readonly turnMs?: number;
}

/** ResolverService.Resolve: decides a batch; see {@link resolveDivergence}. */
export function resolveHandler(
  onBatch: BatchListener,
  { turnMs = 10 }: ResolveOptions = {},
): Handlers<typeof ResolverService>["resolve"] {
  return async ({ divergences }, call) => {
    if (divergences.length > MAX_CHANGES_PER_PUSH) {
      throw invalid([{ field: "divergences", description: `must be at most ${MAX_CHANGES_PER_PUSH}` }], "TOO_MANY");
    }
    const started = performance.now();
    const resolutions: Resolution[] = [];
    let turnStarted = started;
    for (const [index, wire] of divergences.entries()) {
      resolutions.push(resolveDivergence(readDivergence(wire, index)));
      if (performance.now() - turnStarted < turnMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      call.signal.throwIfAborted();
      turnStarted = performance.now();
    }
    onBatch(resolutions, performance.now() - started);
    return { resolutions: resolutions.map(resolutionToWire) };
  };
}

/** @throws DomainError `invalid` naming the divergence at fault. */
function readDivergence(wire: WireDivergence, index: number): Divergence {
  try {
    return divergenceFromWire(wire);
  } catch (error) {
    throw seenFrom(`divergences[${index}]`, error);
  }
}
