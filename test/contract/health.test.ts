import { setTimeout as sleep } from "node:timers/promises";
import { credentials, makeClientConstructor, status } from "@grpc/grpc-js";
import { service as healthDefinition } from "grpc-health-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { ConstellationUrls } from "../support/constellation-ground.ts";

const HealthClient = makeClientConstructor(healthDefinition, "Health");

const SERVED: Readonly<Record<keyof ConstellationUrls, readonly string[]>> = {
  entityStore: [
    "funkygibbon.entity.v1.EntityService",
    "funkygibbon.entity.v1.RelationshipService",
    "funkygibbon.entity.v1.GraphService",
    "funkygibbon.entity.v1.ChangeLogService",
  ],
  syncCoordinator: ["inbetweenies.v1.SyncService"],
  conflictResolution: ["funkygibbon.conflict.v1.ConflictService", "funkygibbon.conflict.v1.ResolverService"],
  mcpGateway: [],
};
const PLACES = Object.keys(SERVED) as (keyof ConstellationUrls)[];

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

function healthOf(at: keyof ConstellationUrls) {
  const client = new HealthClient(new URL(system.urls[at]).host, credentials.createInsecure());
  /** The serving status, or the status code with which the check fails. */
  const check = (service: string) =>
    new Promise<string | number>((resolve) => {
      client.check?.({ service }, (error: { code: number } | null, answer: { status: string }) =>
        resolve(error?.code ?? answer.status),
      );
    });
  return { client, check, [Symbol.dispose]: () => client.close() };
}

describe.each(PLACES)("grpc.health.v1 of %s", (at) => {
  it("says SERVING without any credential, for the whole and for each service", async () => {
    using health = healthOf(at);
    const answers = await Promise.all(["", ...SERVED[at]].map(health.check));
    expect(answers).toEqual(answers.map(() => "SERVING"));
  });

  it("answers NOT_FOUND for a service that is not served here", async () => {
    using health = healthOf(at);
    expect(await health.check("nobody.v1.Service")).toBe(status.NOT_FOUND);
  });

  it("lets probes over HTTP see states only", async () => {
    for (const path of ["/livez", "/readyz"]) {
      const response = await fetch(`${system.urls[at]}${path}`);
      expect([path, response.status]).toEqual([path, 200]);
      expect(await response.text()).not.toMatch(/postgres|redis:|nats:|127\.0\.0\.1/);
    }
  });
});

it("Watch begins with SERVING and stays open", async () => {
  using health = healthOf("syncCoordinator");
  const heard: string[] = [];
  const watch = health.client.watch?.({ service: "" });
  watch.on("data", (answer: { status: string }) => heard.push(answer.status));
  watch.on("error", () => {});
  await expect.poll(() => heard).toEqual(["SERVING"]);
  await sleep(50);
  expect(heard).toEqual(["SERVING"]);
  watch.cancel();
});
