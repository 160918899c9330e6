import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@funkygibbon/gen/google/rpc/error_details_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import { type SyncRequest, SyncRequestSchema, SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { domainErrorOf } from "../support/domain-errors.ts";

const PATH = "/inbetweenies.v1.SyncService/Sync";
const WRONG_PROTOCOL = { protocolVersion: "inbetweenies-v0", deviceId: "phone" };

let system: Constellation;
beforeAll(async () => {
  // A small allowance, so that a test can use it up.
  system = await constellation({ environment: { DEVICE_REQUESTS_PER_SECOND: "20" } });
  return () => system[Symbol.asyncDispose]();
});

/** What a bare grpc-js client, which knows nothing of our conventions, finds in the status. */
async function rawFailure(request: MessageInitShape<typeof SyncRequestSchema>, headers: Record<string, string>) {
  const client = new Client(new URL(system.urls.syncCoordinator).host, credentials.createInsecure());
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const encode = (message: SyncRequest) => Buffer.from(toBinary(SyncRequestSchema, message));
  const message = create(SyncRequestSchema, request);
  try {
    const error = await new Promise<ServiceError | null>((resolve) => {
      client.makeUnaryRequest(
        PATH,
        encode,
        (bytes) => bytes,
        message,
        metadata,
        (failure) => resolve(failure),
      );
    });
    if (error === null) throw new Error("expected the call to fail");
    const [bytes] = error.metadata.get("grpc-status-details-bin");
    if (!(bytes instanceof Buffer)) throw new Error("no grpc-status-details-bin came");
    const rpcStatus = fromBinary(StatusSchema, bytes);
    const find = <Desc extends DescMessage>(desc: Desc): MessageShape<Desc> | undefined =>
      rpcStatus.details.map((any) => anyUnpack(any, desc)).find((detail) => detail !== undefined);
    return { error, rpcStatus, find };
  } finally {
    client.close();
  }
}

describe("an error over gRPC", () => {
  it("carries google.rpc.Status with ErrorInfo and BadRequest in its trailer", async () => {
    const { owner } = (await system.newHousehold()).tokens;
    const { error, rpcStatus, find } = await rawFailure(WRONG_PROTOCOL, { authorization: `Bearer ${owner}` });
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(rpcStatus).toMatchObject({ code: status.INVALID_ARGUMENT, message: error.details });
    expect(find(ErrorInfoSchema)).toMatchObject({ reason: "PROTOCOL_VERSION", domain: "funkygibbon.dev" });
    expect(find(BadRequestSchema)?.fieldViolations).toMatchObject([
      { field: "protocol_version", description: "must be inbetweenies-v1" },
    ]);
    expect(find(RetryInfoSchema)).toBeUndefined();
  });

  it("says UNAUTHENTICATED with the reason, whatever is wrong with the token", async () => {
    const household = await system.newHousehold();
    const expired = await household.mint({ ttlSeconds: -60 });
    const elsewhere = await household.mint({ audience: "somebody-else" });
    const [head = "", body = ""] = household.tokens.owner.split(".");
    const forged = `${head}.${body}.${Buffer.from("0".repeat(64)).toString("base64url")}`;
    const reasons = [];
    for (const token of ["nonsense", expired, elsewhere, forged]) {
      const { error, find } = await rawFailure(WRONG_PROTOCOL, { authorization: `Bearer ${token}` });
      reasons.push([error.code, find(ErrorInfoSchema)?.reason]);
    }
    expect(reasons).toEqual([
      [status.UNAUTHENTICATED, "TOKEN_INVALID"],
      [status.UNAUTHENTICATED, "TOKEN_EXPIRED"],
      [status.UNAUTHENTICATED, "TOKEN_INVALID"],
      [status.UNAUTHENTICATED, "TOKEN_INVALID"],
    ]);
  });

  it("says RESOURCE_EXHAUSTED with RetryInfo to a device that is too fast", async () => {
    const { owner } = (await system.newHousehold()).tokens;
    const request = { protocolVersion: "inbetweenies-v1", deviceId: "hasty" };
    const call = () =>
      system.clients.sync.sync(request, { token: owner }).then(
        () => undefined,
        (error) => error,
      );
    const failures = (await Promise.all(Array.from({ length: 60 }, call))).filter((error) => error !== undefined);
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) {
      expect(failure).toMatchObject({ kind: "exhausted", reason: "RATE_LIMITED", retryAfterMs: expect.any(Number) });
      expect(failure.retryAfterMs).toBeGreaterThan(0);
      expect(failure.retryAfterMs).toBeLessThanOrEqual(1_000);
    }
  });

  it("says UNAVAILABLE with RetryInfo, and nothing of what is behind, when a service behind is away", async () => {
    const nobodyThere = { ENTITY_STORE_URL: "http://127.0.0.1:9" };
    await using cutOff = await constellation({ environment: nobodyThere });
    const error = await domainErrorOf(
      cutOff.clients.sync.sync(
        { protocolVersion: "inbetweenies-v1", deviceId: "phone" },
        { token: cutOff.tokens.owner },
      ),
    );
    expect(error).toMatchObject({ kind: "unavailable", reason: "UNAVAILABLE", retryAfterMs: expect.any(Number) });
    expect(error.message).not.toContain("127.0.0.1");
  });
});

describe("an error over HTTP/1.1", () => {
  it("is JSON with details to a plain fetch by the Connect protocol", async () => {
    const { owner } = (await system.newHousehold()).tokens;
    const response = await fetch(`${system.urls.syncCoordinator}${PATH}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${owner}`,
        "x-request-id": "request-of-a-test",
      },
      body: JSON.stringify(WRONG_PROTOCOL),
    });
    expect(response.status).toBe(400);
    expect(response.headers.get("x-request-id")).toBe("request-of-a-test");
    const body: { code: string; details: { type: string; value: string }[] } = await response.json();
    expect(body.code).toBe("invalid_argument");
    const detail = body.details.find(({ type }) => type === "google.rpc.ErrorInfo");
    expect(fromBinary(ErrorInfoSchema, Buffer.from(detail?.value ?? "", "base64"))).toMatchObject({
      reason: "PROTOCOL_VERSION",
      domain: "funkygibbon.dev",
    });
  });

  it("has the same details by gRPC-Web", async () => {
    const { guest, owner } = (await system.newHousehold()).tokens;
    const transport = createGrpcWebTransport({ baseUrl: system.urls.syncCoordinator, httpVersion: "1.1" });
    const client = createClient(SyncService, transport);
    await client.sync({ protocolVersion: "inbetweenies-v1", deviceId: "phone" }, withToken(owner));
    const error = await client
      .forgetDevice({ deviceId: "phone" }, withToken(guest))
      .catch((reason) => ConnectError.from(reason));
    if (!(error instanceof ConnectError)) throw new Error("a guest could forget a device");
    expect(error.code).toBe(Code.PermissionDenied);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "OWNERS_ONLY", domain: "funkygibbon.dev" }]);
  });

  it("refuses what is not ours to answer: another Host, another origin", async () => {
    const url = `${system.urls.syncCoordinator}${PATH}`;
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("internal services", () => {
  it.each([
    ["ChangeLogService/ReadLog", "entityStore", "/funkygibbon.entity.v1.ChangeLogService/ReadLog"],
    ["DeviceRegistryService/ListDevices", "entityStore", "/funkygibbon.entity.v1.DeviceRegistryService/ListDevices"],
    ["ConflictStoreService/ListConflicts", "entityStore", "/funkygibbon.entity.v1.ConflictStoreService/ListConflicts"],
    ["ResolverService/Resolve", "conflictResolution", "/funkygibbon.conflict.v1.ResolverService/Resolve"],
  ] as const)("%s is PERMISSION_DENIED to a user's token alone", async (_name, at, path) => {
    const response = await fetch(`${system.urls[at]}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${system.tokens.owner}` },
      body: "{}",
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "permission_denied" });
  });
});

function withToken(token: string) {
  return { headers: { authorization: `Bearer ${token}` } };
}
