import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { beforeAll, expect, it } from "vitest";
import { SERVICE_NAMES } from "../support/constellation-ground.ts";
import { connectDevice, within } from "../support/node-device.ts";
import { type ProcessConstellation, processConstellation } from "../support/process-constellation.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: ProcessConstellation;
beforeAll(async () => {
  system = await processConstellation();
  return () => system[Symbol.asyncDispose]();
});

it("an assistant of 2025-11-25 answers a question through another gateway than the one that asked", async () => {
  const { tokens } = await system.newHousehold();
  const as = { token: tokens.member };
  const { entity } = await system.clients.entities.createEntity(
    { type: EntityType.NOTE, bodyJson: '{"name":"Old note"}' },
    as,
  );
  const id = entity?.id ?? "";
  const other = await system.anotherGateway();
  const post = (gateway: string, message: object, session = "") =>
    fetch(new URL("/mcp", gateway), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${tokens.member}`,
        "mcp-protocol-version": "2025-11-25",
        ...(session === "" ? {} : { "mcp-session-id": session }),
      },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
  const hello = {
    protocolVersion: "2025-11-25",
    capabilities: { elicitation: {} },
    clientInfo: { name: "Old Assistant", version: "1" },
  };
  const welcome = await post(system.urls.mcpGateway, { id: 1, method: "initialize", params: hello });
  const session = welcome.headers.get("mcp-session-id") ?? "";
  const params = { name: "delete_entity", arguments: { entity_id: id } };
  const call = await post(system.urls.mcpGateway, { id: 2, method: "tools/call", params }, session);
  let heard = "";
  for await (const chunk of call.body ?? []) {
    heard += new TextDecoder().decode(chunk);
    const question = /^data: (.*"method":"elicitation\/create".*)$/m.exec(heard)?.[1];
    if (question === undefined || heard.includes('"dry_run":false')) continue;
    const answer = { id: JSON.parse(question).id, result: { action: "accept", content: {} } };
    expect((await post(other.url, answer, session)).status).toBe(202);
  }
  expect(heard).toContain('"dry_run":false');
  const gone = await system.clients.entities.getEntity({ id, includeDeleted: true }, as);
  expect(gone.entity).toMatchObject({ deleted: true, author: "ben" });
  expect(await other.stop()).toBe("exit code 0");
}, 60_000);

it("a service that is asked to stop says good-bye to its streams, drains within 10 s and exits with 0", async () => {
  const household = await system.newHousehold();
  await using phone = WireDevice.open({
    sync: system.clients.sync,
    token: household.tokens.owner,
    deviceId: "phone",
  });
  await phone.upToDate();
  const startedAt = performance.now();
  const ends = await Promise.all(SERVICE_NAMES.map((name) => system.services[name].stop()));
  expect(ends).toEqual(SERVICE_NAMES.map(() => "exit code 0"));
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await phone.frame("goAway")).toMatchObject({ reason: GoAwayReason.DRAIN });
  expect((await phone.frame("goAway")).reconnectAfter).toBeDefined();

  // A second start continues with the data, and a device that waited comes back by itself.
  await using device = await connectDevice(system, { deviceId: "patient", token: household.tokens.owner });
  const note = await device.create({ type: "note", body: { name: "Written while all was down" } });
  await Promise.all(SERVICE_NAMES.map((name) => system.services[name].start()));
  device.retryNow();
  await device.settled(within(90_000));
  const { entity } = await system.clients.entities.getEntity({ id: note }, { token: household.tokens.owner });
  expect(entity?.name).toBe("Written while all was down");
}, 150_000);
