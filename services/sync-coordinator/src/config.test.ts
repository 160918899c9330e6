import { describe, expect, it } from "vitest";
import { configureSyncCoordinator } from "./config.ts";

const configure = (REDIS_URL: string) =>
  configureSyncCoordinator({
    PORT: "4402",
    AUTH_JWKS_URL: "https://issuer.example/jwks",
    AUTH_ISSUER: "https://issuer.example",
    SERVICE_TOKEN_FILE: "/run/service.jwt",
    TOKEN_SECRET: "t".repeat(32),
    ENTITY_STORE_URL: "http://entity-store:4401",
    CONFLICT_RESOLUTION_URL: "http://conflict-resolution:4403",
    NATS_URL: "nats://nats:4222",
    REDIS_URL,
  });

describe("REDIS_URL", () => {
  it("names one Redis or a cluster", () => {
    for (const url of ["redis://redis:6379/2", "rediss://:secret@a:7001,b:7001,c:7001?cluster=true"]) {
      expect(configure(url).redisUrl).toBe(url);
    }
  });

  it("is refused before anything starts, with what is wrong and without the password", () => {
    expect(() => configure("redis://:secret@a:7001,b:7001")).toThrow(
      /^REDIS_URL: names several nodes, which only a cluster has: end it with \?cluster=true$/,
    );
  });
});
