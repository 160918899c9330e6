import type { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import type {
  DivergedVersion,
  Divergence,
  Resolution,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { internal } from "@funkygibbon/kernel/errors";
import type { RpcClient } from "@funkygibbon/rpc/client";

/** A divergence brings up to three bodies, so a push of 4 MiB may diverge into far more: it is decided in parts. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** What a version takes besides its body, generously. */
const VERSION_OVERHEAD_BYTES = 4 * 1024;

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

function inBatches(divergences: readonly Divergence[]): Divergence[][] {
  const batches: Divergence[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const divergence of divergences) {
    const size = sizeOf(divergence.local) + sizeOf(divergence.server) + sizeOf(divergence.base);
    if (bytes + size > MAX_BATCH_BYTES) {
      batches.push([]);
      bytes = 0;
    }
    bytes += size;
    batches.at(-1)?.push(divergence);
  }
  return batches;
}

function sizeOf(version: DivergedVersion | undefined): number {
  switch (version?.content.case) {
    case "entity":
      return VERSION_OVERHEAD_BYTES + Buffer.byteLength(version.content.value.bodyJson);
    case "relationship":
      return VERSION_OVERHEAD_BYTES + Buffer.byteLength(version.content.value.propertiesJson);
    default:
      return VERSION_OVERHEAD_BYTES;
  }
}
