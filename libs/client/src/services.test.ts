import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { DomainError, unauthenticated } from "@funkygibbon/kernel/errors";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openServices } from "./services.ts";

/** What was asked of each service: path and authorization. */
const heard: Record<string, (string | undefined)[]> = {};
const servers: Server[] = [];
let answer: { status: number; body: string };

/** Speaks as much of Connect as an empty answer and an error need. */
async function serve(name: string): Promise<string> {
  heard[name] = [];
  const server = createServer((request, response) => {
    heard[name]?.push(`${request.url} ${request.headers.authorization}`);
    request.resume().on("end", () => {
      const type = answer.status === 200 ? "application/proto" : "application/json";
      response.writeHead(answer.status, { "content-type": type }).end(answer.body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let urls: { entityStore: string; syncCoordinator: string; conflictResolution: string };
beforeEach(async () => {
  answer = { status: 200, body: "" };
  urls = {
    entityStore: await serve("store"),
    syncCoordinator: await serve("sync"),
    conflictResolution: await serve("conflicts"),
  };
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

describe("the services", () => {
  it("are asked where they are, each time with a token that was asked for anew", async () => {
    let tokens = 0;
    const services = openServices({ urls, token: () => `token-${++tokens}` });
    expect(tokens).toBe(0);
    await services.entities.listEntities({});
    await services.relationships.listRelationships({});
    await services.graph.getStatistics({});
    await services.conflicts.listPolicies({});
    await services.sync.listDevices({});
    expect(heard).toEqual({
      store: [
        "/funkygibbon.entity.v1.EntityService/ListEntities Bearer token-1",
        "/funkygibbon.entity.v1.RelationshipService/ListRelationships Bearer token-2",
        "/funkygibbon.entity.v1.GraphService/GetStatistics Bearer token-3",
      ],
      conflicts: ["/funkygibbon.conflict.v1.ConflictService/ListPolicies Bearer token-4"],
      sync: ["/inbetweenies.v1.SyncService/ListDevices Bearer token-5"],
    });
  });

  it("fail with what the domain says, not with what the transport does", async () => {
    const services = openServices({ urls, token: () => "token" });
    answer = { status: 403, body: JSON.stringify({ code: "permission_denied", message: "owners only" }) };
    const refused = await services.sync.listDevices({}).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DomainError);
    expect(refused).toMatchObject({ kind: "permission-denied", message: "owners only" });
    for (const server of servers.splice(0)) server.close().closeAllConnections();
    await expect(services.graph.getStatistics({})).rejects.toMatchObject({ kind: "unavailable" });
  });

  it("pass on why there is no token, and ask nobody then", async () => {
    const gone = unauthenticated("the token cannot be renewed");
    const services = openServices({ urls, token: () => Promise.reject(gone) });
    await expect(services.graph.getStatistics({})).rejects.toBe(gone);
    expect(heard.store).toEqual([]);
  });

  it("tell no secret of a token that cannot be one", async () => {
    const services = openServices({ urls, token: () => "sec\nret" });
    const refused = await services.graph.getStatistics({}).catch((error: unknown) => error);
    expect(refused).toMatchObject({ kind: "unauthenticated", reason: "TOKEN_INVALID" });
    expect(String(refused)).not.toContain("sec");
    expect(heard.store).toEqual([]);
  });

  it("are not opened with an address or a token that is none", () => {
    const token = () => "token";
    const odd = { ...urls, conflictResolution: "127.0.0.1:4403" };
    expect(() => openServices({ urls: odd, token })).toThrow("conflictResolution: 127.0.0.1:4403 is no address");
    expect(() => openServices({ urls: {} as never, token })).toThrow("entityStore: undefined is no address");
    expect(() => openServices({ urls, token: "token" as never })).toThrow("token: must be a function");
  });
});
