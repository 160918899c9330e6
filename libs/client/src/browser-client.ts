import { systemClock } from "@funkygibbon/kernel/clock";
import { type Client, type ClientOptions, openClient } from "./client.ts";
import { nobleSha256 } from "./noble-hashes.ts";
import { WebTransport } from "./web-transport.ts";

/** A client's options without what a browser brings. */
export type BrowserClientOptions = Omit<ClientOptions, "transport" | "sha256"> & {
  /** The sync-coordinator, for example `https://sync.example.org`. */
  readonly url: string;
};

/** Opens a client that speaks Connect over fetch; it does not connect yet. */
export function openBrowserClient({ url, ...options }: BrowserClientOptions): Promise<Client> {
  const transport = new WebTransport(url, options.clock ?? systemClock);
  return openClient({ ...options, transport, sha256: nobleSha256 });
}
