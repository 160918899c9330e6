import { createServer } from "node:http";

/** Serves the address table on the first port of a system. */
export type AddressServer = AsyncDisposable;

/**
 * Answers every GET with `addresses` as JSON, to callers who know this machine by a local name only: another name in
 * the Host header is a web page that had its own name point here.
 */
export async function serveAddresses(port: number, addresses: object): Promise<AddressServer> {
  const server = createServer((request, response) => {
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    if (host !== "127.0.0.1" && host !== "localhost") return void response.writeHead(403).end();
    if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(`${JSON.stringify(addresses, null, 2)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
