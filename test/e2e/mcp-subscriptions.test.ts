import { EntityType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { connectMcp, REVISIONS, type Revision } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";

let house: Constellation;
let otherGateway: string;
beforeAll(async () => {
  house = await constellation({ environment: { MCP_MAX_LISTENERS_PER_USER: "10" } });
  otherGateway = (await house.anotherGateway()).url;
});
afterAll(() => house[Symbol.asyncDispose]());

/** A lamp that somebody edits over gRPC. */
async function lampIn(villa: TestHousehold) {
  const as = { token: villa.tokens.owner };
  const content = { type: EntityType.DEVICE, source: SourceType.MANUAL };
  const { entity } = await house.clients.entities.createEntity({ ...content, bodyJson: '{"name":"Lamp"}' }, as);
  const id = entity?.id ?? "";
  let brightness = 0;
  const dim = async () => {
    const bodyJson = JSON.stringify({ brightness: brightness++ });
    await house.clients.entities.updateEntity({ id, etag: "*", bodyJson, updateMask: { paths: ["brightness"] } }, as);
  };
  return { uri: `funkygibbon://entity/${id}`, dim };
}

async function listener(gateway: string, { token, revision }: { token: string; revision: Revision }, uri: string) {
  const client = await connectMcp(new URL("/mcp", gateway), token, revision);
  const heard: string[] = [];
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri));
  if (revision === "2026-07-28") await client.listen({ resourceSubscriptions: [uri] });
  else await client.subscribeResource({ uri });
  return { client, heard };
}

describe.each(REVISIONS)("a subscription in %s", (revision) => {
  it("tells of an edit through another door, on whichever replica it listens, and of none in another home", async () => {
    const villa = await house.newHousehold();
    const { uri, dim } = await lampIn(villa);
    const listeners = await Promise.all(
      [house.urls.mcpGateway, otherGateway].map((gateway) =>
        listener(gateway, { token: villa.tokens.guest, revision }, uri),
      ),
    );
    const stranger = await listener(otherGateway, { token: house.tokens.owner, revision }, uri);
    // A client of 2025-11-25 opens its stream by itself and does not say when that is done.
    await expect
      .poll(
        async () => {
          await dim();
          return listeners.every(({ heard }) => heard.includes(uri));
        },
        { interval: 50 },
      )
      .toBe(true);
    expect(stranger.heard).toEqual([]);
    await Promise.all([...listeners, stranger].map(({ client }) => client.close()));
  });
});

it("tells 200 listeners at once, and needs little for them", async () => {
  const villa = await house.newHousehold();
  const { uri, dim } = await lampIn(villa);
  const tokens = await Promise.all(
    Array.from({ length: 20 }, (_, number) => villa.mint({ role: "guest", user: `guest-${number}` })),
  );
  const clients = Array.from({ length: 200 }, (_, number) => ({
    token: tokens[number % tokens.length] ?? "",
    revision: REVISIONS[number % 2] ?? "2026-07-28",
  }));
  const before = process.memoryUsage().rss;
  const listeners = await Promise.all(clients.map((client) => listener(house.urls.mcpGateway, client, uri)));
  await expect
    .poll(
      async () => {
        await dim();
        return listeners.filter(({ heard }) => heard.length > 0).length;
      },
      { interval: 200 },
    )
    .toBe(200);
  // Both ends of every connection are in this process.
  expect((process.memoryUsage().rss - before) / 1024 / 1024).toBeLessThan(200);
  await Promise.all(listeners.map(({ client }) => client.close()));
});
