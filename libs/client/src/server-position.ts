import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Digest } from "@funkygibbon/kernel/digest";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { errorOfConnect } from "./transport-error.ts";

/** Where a household's log stands, as the server says. */
export interface ServerPosition {
  readonly household: string;
  readonly headSeq: number;
  /** Sum over the live heads at `headSeq`: what every replica has that is up to date there. */
  readonly digest: Digest;
}

/** Who asks, and whom. */
export interface ServerPositionOptions {
  /** The sync-coordinator. */
  readonly url: string;
  readonly token: string;
  /** Not the id of a device with a session: the newer one wins. */
  readonly deviceId: string;
  readonly signal?: AbortSignal;
}

/** Asks the server for the position of the token's household, by one unary Sync. @throws DomainError. */
export async function readServerPosition(options: ServerPositionOptions): Promise<ServerPosition> {
  const { url, token, deviceId, signal } = options;
  const client = createClient(SyncService, createConnectTransport({ baseUrl: url, useBinaryFormat: true }));
  try {
    const { householdId, headSeq, digest } = await client.sync(
      { protocolVersion: PROTOCOL_VERSION, deviceId, deviceTimeUs: BigInt(Date.now()) * 1_000n, pageSize: 1 },
      { headers: { authorization: `Bearer ${token}` }, ...(signal === undefined ? {} : { signal }) },
    );
    return { household: householdId, headSeq: Number(headSeq), digest };
  } catch (error) {
    throw errorOfConnect(error, url);
  }
}
