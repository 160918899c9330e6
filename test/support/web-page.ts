import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "vite";

/** A page on 127.0.0.1, which browsers take for as secure as https. */
export interface WebPage extends AsyncDisposable {
  readonly url: string;
  /** As CORS names it. */
  readonly origin: string;
}

/** Builds the page whose `index.html` is in `folder` (from the root of the repository) for production, and serves it. */
export async function servePage(folder: string): Promise<WebPage> {
  const files = await buildPage(folder);
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://page").pathname.slice(1);
    const name = path === "" ? "index.html" : path;
    const content = files.get(name);
    response.writeHead(content === undefined ? 404 : 200, { "content-type": typeOf(name) });
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    url: `${origin}/`,
    origin,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What a production build of the page makes, by file name. */
export async function buildPage(folder: string): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const root = join(import.meta.dirname, "../..", folder);
  const built = await build({
    root,
    configFile: false,
    logLevel: "error",
    build: { write: false, target: "es2024" },
  });
  const bundles = Array.isArray(built) ? built : [built];
  const files = new Map<string, string | Uint8Array>();
  for (const bundle of bundles) {
    if (!("output" in bundle)) throw new Error("vite watches instead of building");
    for (const file of bundle.output) files.set(file.fileName, file.type === "chunk" ? file.code : file.source);
  }
  return files;
}

function typeOf(name: string): string {
  if (name.endsWith(".html")) return "text/html";
  return name.endsWith(".js") ? "text/javascript" : "application/octet-stream";
}
