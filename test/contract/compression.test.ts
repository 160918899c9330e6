import { request } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { SyncRequestSchema, SyncResponseSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { DevicePen, manyEntities } from "../support/device-pen.ts";

const PATH = "/inbetweenies.v1.SyncService/Sync";
/** grpc-js's number of the algorithm. */
const GZIP = 2;

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** A bare HTTP/1.1 exchange of the Connect protocol, nothing unpacked on the way. */
function post(token: string, body: Uint8Array): Promise<{ encoding: string | undefined; body: Buffer }> {
  const headers = {
    "content-type": "application/proto",
    "content-encoding": "gzip",
    "accept-encoding": "gzip",
    authorization: `Bearer ${token}`,
  };
  return new Promise((resolve, reject) => {
    const call = request(`${system.urls.syncCoordinator}${PATH}`, { method: "POST", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ encoding: response.headers["content-encoding"], body: Buffer.concat(chunks) }),
      );
    });
    call.on("error", reject);
    call.end(body);
  });
}

describe("compression-gzip, which the server announces", () => {
  it("is understood and spoken over HTTP/1.1", async () => {
    const { owner } = (await system.newHousehold()).tokens;
    const first = { protocolVersion: PROTOCOL_VERSION, deviceId: "phone" };
    const { householdId, epoch, serverCapabilities } = await system.clients.sync.sync(first, { token: owner });
    expect(serverCapabilities).toContain("compression-gzip");

    const changes = manyEntities(new DevicePen("phone"), 50);
    const pushed = toBinary(SyncRequestSchema, create(SyncRequestSchema, { ...first, householdId, epoch, changes }));
    await post(owner, gzipSync(pushed));
    const pull = toBinary(SyncRequestSchema, create(SyncRequestSchema, { ...first, deviceId: "panel" }));
    const { encoding, body } = await post(owner, gzipSync(pull));
    expect(encoding).toBe("gzip");
    const plain = gunzipSync(body);
    expect(body.length).toBeLessThan(plain.length / 2);
    expect(fromBinary(SyncResponseSchema, plain).changes).toHaveLength(changes.length);
  });

  it("is understood over gRPC", async () => {
    const { owner } = (await system.newHousehold()).tokens;
    const client = new Client(new URL(system.urls.syncCoordinator).host, credentials.createInsecure(), {
      "grpc.default_compression_algorithm": GZIP,
    });
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${owner}`);
    const message = create(SyncRequestSchema, { protocolVersion: PROTOCOL_VERSION, deviceId: "phone" });
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      client.makeUnaryRequest(
        PATH,
        (value: typeof message) => Buffer.from(toBinary(SyncRequestSchema, value)),
        (bytes) => bytes,
        message,
        metadata,
        (error, bytes) => (error === null ? resolve(bytes) : reject(error)),
      );
    }).finally(() => client.close());
    expect(fromBinary(SyncResponseSchema, answer ?? Buffer.alloc(0)).protocolVersion).toBe(PROTOCOL_VERSION);
  });
});
