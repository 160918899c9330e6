import type { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import type { Divergence, Resolution } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { internal } from "@funkygibbon/kernel/errors";
import type { RpcClient } from "@funkygibbon/rpc/client";

/** The rules behind conflict-resolution's ResolverService. */
export class RpcResolver {
  readonly #client: RpcClient<typeof ResolverService>;

  constructor(client: RpcClient<typeof ResolverService>) {
    this.#client = client;
  }

  /** One resolution for each divergence, in their order. */
  async resolve(divergences: readonly Divergence[]): Promise<readonly Resolution[]> {
    const { resolutions } = await this.#client.resolve({ divergences: [...divergences] });
    if (resolutions.length !== divergences.length) {
      throw internal(`${resolutions.length} resolutions came for ${divergences.length} divergences`);
    }
    return resolutions;
  }
}
