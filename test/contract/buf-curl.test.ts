import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";

const BUF = join(REPOSITORY, "node_modules", ".bin", "buf");

interface PublicService {
  readonly service: string;
  readonly at: "entityStore" | "syncCoordinator" | "conflictResolution";
  readonly method: string;
  readonly request: object;
  /** What its answer to an owner of an empty household contains. */
  readonly answer: object;
}

const PUBLIC_SERVICES: readonly PublicService[] = [
  {
    service: "funkygibbon.entity.v1.EntityService",
    at: "entityStore",
    method: "CreateEntity",
    request: { type: "ENTITY_TYPE_ROOM", bodyJson: '{"name":"Attic"}' },
    answer: { entity: { type: "ENTITY_TYPE_ROOM", name: "Attic", author: "ada" } },
  },
  {
    service: "funkygibbon.entity.v1.RelationshipService",
    at: "entityStore",
    method: "ListRelationships",
    request: { includeTotal: true },
    answer: { total: "0" },
  },
  {
    service: "funkygibbon.entity.v1.GraphService",
    at: "entityStore",
    method: "SearchEntities",
    request: { query: "attic" },
    answer: {},
  },
  {
    service: "inbetweenies.v1.SyncService",
    at: "syncCoordinator",
    method: "Sync",
    request: { protocolVersion: "inbetweenies-v1", deviceId: "curl" },
    answer: { protocolVersion: "inbetweenies-v1", syncStatus: "SYNC_STATUS_SUCCESS", upToDate: true },
  },
  {
    service: "funkygibbon.conflict.v1.ConflictService",
    at: "conflictResolution",
    method: "ListConflicts",
    request: {},
    answer: {},
  },
];

let system: Constellation;
/** A built image of proto/: buf would compile it for every call. */
let schema: string;
beforeAll(async () => {
  const opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-curl-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  schema = join(folder, "schema.binpb");
  const build = runTool(BUF, ["build", "-o", schema]);
  system = opened.use(await constellation());
  expect(await build).toMatchObject({ code: 0, stderr: "" });
  return () => opened.disposeAsync();
});

const GRPC = ["--protocol", "grpc", "--http2-prior-knowledge"];

describe("buf curl with reflection", () => {
  it.each(["entityStore", "syncCoordinator", "conflictResolution"] as const)("lists what %s offers", async (at) => {
    const { code, stdout, stderr } = await runTool(BUF, ["curl", ...GRPC, "--list-services", system.urls[at]]);
    expect([code, stderr]).toEqual([0, ""]);
    const offered = stdout.trim().split("\n");
    const expected = PUBLIC_SERVICES.filter((one) => one.at === at).map(({ service }) => service);
    expect(offered).toEqual(expect.arrayContaining(expected));
  });

  it.each(PUBLIC_SERVICES)("calls $service/$method over gRPC", async (one) => {
    await expectAnswer(one, GRPC);
  });
});

describe("buf curl with the schema, over HTTP/1.1", () => {
  it.each(PUBLIC_SERVICES)("calls $service/$method by the Connect protocol", async (one) => {
    await expectAnswer(one, ["--protocol", "connect", "--schema", schema]);
  });

  it.each(PUBLIC_SERVICES.slice(0, 1))("calls $service/$method by gRPC-Web", async (one) => {
    await expectAnswer(one, ["--protocol", "grpcweb", "--schema", schema]);
  });
});

it("shows a person why a call failed", async () => {
  const { code, stderr } = await runTool(BUF, [
    "curl",
    ...GRPC,
    "--data",
    "{}",
    `${system.urls.syncCoordinator}/inbetweenies.v1.SyncService/Sync`,
  ]);
  expect(code).not.toBe(0);
  expect(JSON.parse(stderr)).toMatchObject({ code: "unauthenticated", message: "a bearer token is required" });
});

async function expectAnswer({ service, at, method, request, answer }: PublicService, how: readonly string[]) {
  const token = (await system.newHousehold()).tokens.owner;
  const { code, stdout, stderr } = await runTool(BUF, [
    "curl",
    ...how,
    "--header",
    `authorization: Bearer ${token}`,
    "--data",
    JSON.stringify(request),
    `${system.urls[at]}/${service}/${method}`,
  ]);
  expect([code, stderr]).toEqual([0, ""]);
  expect(JSON.parse(stdout)).toMatchObject(answer);
}
