import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { SERVICE_NODE_OPTIONS } from "../../deploy/local/service-memory.ts";

interface ComposeService {
  readonly command?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly healthcheck?: object;
  readonly read_only?: boolean;
  readonly depends_on?: Record<string, { readonly condition: string }>;
}

const root = new URL("../..", import.meta.url).pathname;
const services: Record<string, ComposeService> = parse(readFileSync(join(root, "docker-compose.yml"), "utf8"), {
  merge: true,
}).services;

describe("docker-compose.yml", () => {
  it("starts servers, migration and the four services, each after what it needs is healthy or done", () => {
    const order = Object.entries(services).map(([name, { depends_on = {} }]) => [name, Object.keys(depends_on).sort()]);
    expect(Object.fromEntries(order)).toEqual({
      postgres: [],
      redis: [],
      nats: [],
      "credentials-folder": [],
      credentials: ["credentials-folder"],
      migrate: ["postgres"],
      "entity-store": ["credentials", "migrate", "nats"],
      "conflict-resolution": ["credentials", "entity-store"],
      "sync-coordinator": ["conflict-resolution", "entity-store", "nats", "redis"],
      "mcp-gateway": ["entity-store", "nats", "sync-coordinator"],
    });
  });

  it("waits for health only where health is checked", () => {
    for (const { depends_on = {} } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        if (condition === "service_healthy") expect(services[name]?.healthcheck, name).toBeDefined();
      }
    }
  });

  it("builds from the one Dockerfile, runs files that exist, and never writes to a root file system", () => {
    for (const [name, service] of Object.entries(services)) {
      if (service.build === undefined) continue;
      expect(service.build.dockerfile).toBe("deploy/Dockerfile");
      expect(service.read_only, name).toBe(true);
      for (const file of service.command?.filter((word) => word.endsWith(".ts")) ?? []) {
        expect(existsSync(join(root, file)), file).toBe(true);
      }
    }
  });
});

describe("deploy/Dockerfile", () => {
  it("gives Node the memory that the local runner gives it", () => {
    const dockerfile = readFileSync(join(root, "deploy/Dockerfile"), "utf8");
    expect(/NODE_OPTIONS="(.*)"/.exec(dockerfile)?.[1]).toBe(SERVICE_NODE_OPTIONS);
  });
});
