import { createServer, type ServerHttp2Stream } from "node:http2";

/**
 * The least that serves a crowd of streams: HTTP/2 of Node and nothing else. What one stream sends is written to all of
 * them. Tells its parent the port.
 */
const streams = new Set<ServerHttp2Stream>();
const server = createServer();
server.on("stream", (stream) => {
  stream.respond({ ":status": 200 });
  streams.add(stream);
  stream.on("close", () => streams.delete(stream));
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    for (const each of streams) each.write(chunk);
  });
});
server.listen(0, "127.0.0.1", () => process.send?.(server.address()));
process.on("disconnect", () => process.exit());
