import { randomUUID } from "node:crypto";
import { connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport } from "@connectrpc/connect-node";
import { SyncRequestSchema, SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const request = { protocolVersion: "inbetweenies-v1", deviceId: "phone" };

describe("the capability compression-gzip", () => {
  it("is true over Connect, both ways", async () => {
    const token = await world.token({ household: `home-${randomUUID()}` });
    const encodings: (string | null)[] = [];
    const transport = createConnectTransport({
      baseUrl: world.coordinator.url,
      httpVersion: "1.1",
      sendCompression: compressionGzip,
      acceptCompression: [compressionGzip],
      compressMinBytes: 0,
      interceptors: [
        (next) => async (call) => {
          const response = await next(call);
          encodings.push(response.header.get("content-encoding"));
          return response;
        },
      ],
    });
    const client = createClient(SyncService, transport);
    const metadata = { clientVersion: "x".repeat(5_000) };
    const { serverCapabilities } = await client.sync(
      { ...request, metadata },
      { headers: { authorization: `Bearer ${token}` } },
    );
    expect(serverCapabilities).toContain("compression-gzip");
    // A small answer is not worth it; that ours was understood is what counts here.
    expect(["gzip", null]).toContain(encodings[0]);
  });

  it("is true over gRPC: a compressed message is read", async () => {
    const token = await world.token({ household: `home-${randomUUID()}` });
    const message = gzipSync(toBinary(SyncRequestSchema, create(SyncRequestSchema, request)));
    const head = Buffer.alloc(5);
    head[0] = 1;
    head.writeUInt32BE(message.length, 1);
    expect(await grpcStatus(token, Buffer.concat([head, message]))).toBe("0");
  });
});

/** The grpc-status of a call of Sync with these bytes as its body. */
async function grpcStatus(token: string, body: Buffer): Promise<unknown> {
  const session = connect(world.coordinator.url);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": "/inbetweenies.v1.SyncService/Sync",
      "content-type": "application/grpc",
      "grpc-encoding": "gzip",
      te: "trailers",
      authorization: `Bearer ${token}`,
    });
    const status = new Promise((resolve, reject) => {
      stream.on("trailers", (trailers) => resolve(trailers["grpc-status"]));
      stream.on("response", (headers) => headers["grpc-status"] !== undefined && resolve(headers["grpc-status"]));
      stream.on("error", reject);
    });
    stream.resume();
    stream.end(body);
    return await status;
  } finally {
    session.close();
  }
}
