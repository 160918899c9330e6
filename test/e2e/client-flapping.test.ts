import { setTimeout as sleep } from "node:timers/promises";
import { openBrowserClient } from "@funkygibbon/client/browser-client";
import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import { readServerPosition } from "@funkygibbon/client/server-position";
import { DomainError } from "@funkygibbon/kernel/errors";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";

const EDITING_MS = 4_000;
const PATIENCE_MS = 30_000;

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** Edits at random, and goes offline and online, until the time is over. */
async function live(client: Client, endMs: number): Promise<void> {
  for (let count = 0; performance.now() < endMs; count++) {
    try {
      await editAtRandom(client, count);
    } catch (error) {
      // Another device may have deleted what this one was about to edit.
      const expected = error instanceof DomainError && ["not-found", "failed-precondition"].includes(error.kind);
      if (!expected) throw error;
    }
    await sleep(Math.random() * 60);
  }
}

async function editAtRandom(client: Client, count: number): Promise<void> {
  const all = client.graph.find();
  const one = all[Math.floor(Math.random() * all.length)];
  const dice = Math.random();
  if (one === undefined || dice < 0.2) {
    await client.create({ type: count % 2 === 0 ? "room" : "device", body: { name: `${client.deviceId} ${count}` } });
  } else if (dice < 0.65) {
    await client.update(one.id, { [`key ${Math.floor(Math.random() * 4)}`]: `${client.deviceId} ${count}` });
  } else if (dice < 0.7) {
    await client.remove(one.id);
  } else if (dice < 0.8) {
    const [device, room] = [all.find(({ type }) => type === "device"), all.find(({ type }) => type === "room")];
    if (device && room) await client.relate({ type: "located_in", from: device.id, to: room.id });
  } else if (dice < 0.85) {
    await client.disconnect();
  } else {
    client.connect();
  }
}

describe("six devices that edit the same home while their connections come and go", () => {
  it("end with the server's digest, and with no edit unanswered or refused (I1, I2)", { timeout: 60_000 }, async () => {
    const household = await system.newHousehold();
    const url = system.urls.syncCoordinator;
    await using opened = new AsyncDisposableStack();
    const clients: Client[] = [];
    for (let index = 0; index < 6; index++) {
      const open = index % 3 === 2 ? openBrowserClient : openNodeClient;
      const token = index === 0 ? household.tokens.owner : household.tokens.member;
      const client = opened.use(await open({ url, token: () => token, deviceId: `device-${index}` }));
      client.connect();
      if (index === 0) await client.settled(AbortSignal.timeout(PATIENCE_MS));
      clients.push(client);
    }
    const endMs = performance.now() + EDITING_MS;
    await Promise.all(clients.map((client) => live(client, endMs)));

    const patience = AbortSignal.timeout(PATIENCE_MS);
    for (const client of clients) client.connect();
    await Promise.all(clients.map((client) => client.settled(patience)));
    const token = household.tokens.owner;
    const server = await readServerPosition({ url, token, deviceId: "auditor", signal: patience });
    for (const client of clients) {
      await client.until((state) => state.upToDateSeq === server.headSeq, patience);
      expect(client.digest).toBe(server.digest);
      expect(client.deadLetters()).toEqual([]);
      expect(client.state).toMatchObject({ pendingEdits: 0, unheldEdits: 0, digestMismatches: 0 });
    }
    expect(server.headSeq).toBeGreaterThan(50);
  });
});
