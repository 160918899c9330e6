import type { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import type { Divergence, Resolution } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { internal } from "@funkygibbon/kernel/errors";
import type { RpcClient } from "@funkygibbon/rpc/client";
import { MAX_MESSAGE_SIZE, sizeOfDivergence } from "../domain/message-size.ts";

/** The rules behind conflict-resolution's ResolverService. */
export class RpcResolver {
  readonly #client: Pick<RpcClient<typeof ResolverService>, "resolve">;

  constructor(client: Pick<RpcClient<typeof ResolverService>, "resolve">) {
    this.#client = client;
  }

  /** One resolution for each divergence, in their order. */
  async resolve(divergences: readonly Divergence[]): Promise<readonly Resolution[]> {
    const decided = await Promise.all(inBatches(divergences).map((batch) => this.#resolveBatch(batch)));
    return decided.flat();
  }

  async #resolveBatch(divergences: Divergence[]): Promise<Resolution[]> {
    const { resolutions } = await this.#client.resolve({ divergences });
    if (resolutions.length !== divergences.length) {
      throw internal(`${resolutions.length} resolutions came for ${divergences.length} divergences`);
    }
    return resolutions;
  }
}

/** A divergence brings up to three bodies, so what came in one message may diverge into more than one takes. */
function inBatches(divergences: readonly Divergence[]): Divergence[][] {
  const batches: Divergence[][] = [];
  let room = 0;
  for (const divergence of divergences) {
    const size = sizeOfDivergence(divergence);
    const batch = size <= room ? batches.at(-1) : undefined;
    if (batch === undefined) {
      batches.push([divergence]);
      room = MAX_MESSAGE_SIZE - size;
      continue;
    }
    batch.push(divergence);
    room -= size;
  }
  return batches;
}
