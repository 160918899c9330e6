import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { expect, it } from "vitest";
import type { Endpoints } from "../../deploy/local/endpoints.ts";
import { isPortFree } from "../../deploy/local/ports.ts";
import { identifyProcess } from "../../deploy/local/process-identity.ts";
import { startRunner } from "../../deploy/local/testing/started-runner.ts";
import { publicClients } from "../support/constellation-callers.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/** The first of thirty-one ports of which those that a system needs for certain are free. */
async function freeRange(): Promise<number> {
  for (;;) {
    const first = 10_000 + 50 * Math.floor(Math.random() * 150);
    const free = await Promise.all([0, 1, 2, 3, 4, 10, 11, 12].map((offset) => isPortFree(first + offset)));
    if (free.every(Boolean)) return first;
  }
}

async function namesIn(endpoints: Endpoints, token: string): Promise<string[]> {
  await using clients = publicClients(endpoints);
  const { entities } = await clients.entities.listEntities({ pageSize: 1_000 }, { token });
  return entities.map(({ name }) => name);
}

it("npm start serves the demo home on servers of its own, Ctrl-C leaves nothing, and the next start has the data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-start-"));
  chmodSync(folder, 0o755);
  const data = join(folder, "data");
  const environment = { DATABASE_URL: "", REDIS_URL: "", NATS_URL: "" };
  const port = await freeRange();
  const first = startRunner(PROJECT, data, { port, environment });
  try {
    const endpoints = await first.ready();
    const { owner, guest, otherHousehold } = endpoints.tokens;
    expect(await namesIn(endpoints, guest)).not.toEqual([]);
    expect(await namesIn(endpoints, otherHousehold)).toEqual([]);
    {
      await using clients = publicClients(endpoints);
      const kept = { type: EntityType.NOTE, bodyJson: '{"name":"Kept between runs"}' };
      await clients.entities.createEntity(kept, { token: owner });
    }
    expect(await first.stop("SIGINT")).toBe(0);
    expect(first.printed()).not.toMatch(/clean=false|stop-forced| fatal /);
    for (const [name, pid] of Object.entries(endpoints.pids)) expect(identifyProcess(pid), name).toBeUndefined();
    expect(existsSync(join(data, "runner.lock"))).toBe(false);

    const second = startRunner(PROJECT, data, { port, environment });
    try {
      expect(await namesIn(await second.ready(), guest)).toContain("Kept between runs");
    } finally {
      await second.stop();
    }
  } finally {
    if (first.process.exitCode === null) await first.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 180_000);
