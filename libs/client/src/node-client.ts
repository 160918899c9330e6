import { type Client, type ClientOptions, openClient } from "./client.ts";
import { nodeSha256 } from "./node-hashes.ts";
import { GrpcTransport } from "./node-transport.ts";

/** A client's options without what Node brings. */
export type NodeClientOptions = Omit<ClientOptions, "transport" | "sha256"> & {
  /** The sync-coordinator, for example `http://127.0.0.1:4402`. */
  readonly url: string;
};

/** Opens a client that speaks native gRPC; it does not connect yet. */
export function openNodeClient({ url, ...options }: NodeClientOptions): Promise<Client> {
  return openClient({ ...options, transport: new GrpcTransport(url), sha256: nodeSha256 });
}
