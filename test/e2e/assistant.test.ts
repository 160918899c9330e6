import { parseRecordId } from "@funkygibbon/kernel/ids";
import { connectMcp } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import type { Client } from "@modelcontextprotocol/client";
import { beforeAll, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { readHousehold } from "../support/household-record.ts";
import { connectDevice, untilEqual } from "../support/node-device.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

async function assistantOf(household: TestHousehold, token = household.tokens.member) {
  const client = await connectMcp(new URL("/mcp", system.urls.mcpGateway), token);
  await client.listTools();
  /** Calls a tool and expects that it refuses nothing. */
  const call = async (name: string, args: Record<string, unknown>) => {
    const answer = await answerOf(client, name, args);
    expect([name, answer.error]).toEqual([name, undefined]);
    return answer.data;
  };
  /** Calls a tool that may refuse. */
  const attempt = async (name: string, args: Record<string, unknown>) => answerOf(client, name, args);
  return { call, attempt, [Symbol.asyncDispose]: () => client.close() };
}

async function answerOf(client: Client, name: string, args: Record<string, unknown>) {
  const { isError, structuredContent, _meta: meta } = await client.callTool({ name, arguments: args });
  return { failed: isError === true, data: structuredContent ?? {}, error: meta?.["funkygibbon.dev/error"] };
}

/** The id in the answer of a tool that wrote an entity. */
function entityOf(data: object): string {
  return (data as { entity: { id: string } }).entity.id;
}

it("every tool that writes is read back by a device, by the API and in the log", async () => {
  const household = await system.newHousehold();
  const token = household.tokens.owner;
  await using phone = await connectDevice(system, { deviceId: "phone", token });
  await using assistant = await assistantOf(household);

  const room = entityOf(await assistant.call("create_entity", { type: "room", name: "Attic" }));
  const lamp = entityOf(await assistant.call("create_entity", { type: "device", name: "Lamp", content: { watts: 9 } }));
  await assistant.call("create_relationship", { type: "located_in", from: lamp, to: room });
  const inTheRoom = () => phone.graph.neighbours(parseRecordId(room), {}).map(({ entity }) => entity.name);
  await expect.poll(inTheRoom).toEqual(["Lamp"]);
  expect(phone.get(lamp)).toMatchObject({ type: "device", source: "mcp", body: { name: "Lamp", watts: 9 } });

  const found = await assistant.call("get_devices_in_room", { room: "Attic" });
  expect(found).toMatchObject({ room: { id: room }, entities: [{ id: lamp, name: "Lamp" }] });
  expect(await assistant.call("search_entities", { query: "lamp" })).toMatchObject({ hits: [{ id: lamp }] });

  await assistant.call("update_entity", { entity_id: lamp, content: { name: "Reading lamp" }, remove: ["watts"] });
  await expect.poll(() => phone.get(lamp)).toMatchObject({ body: { name: "Reading lamp" } });
  const { entity } = await system.clients.entities.getEntity({ id: lamp }, { token });
  expect(JSON.parse(entity?.bodyJson ?? "")).toEqual({ name: "Reading lamp" });
  const { entries } = await system.clients.entities.getEntityHistory({ id: lamp }, { token });
  expect(entries.map(({ version }) => version?.origin)).toMatchObject([
    { channel: "mcp", tool: "update_entity" },
    { channel: "mcp", tool: "create_entity" },
  ]);
  expect(entries.map(({ version }) => version?.author)).toEqual(["ben", "ben"]);

  await assistant.call("delete_entity", { entity_id: lamp });
  await expect.poll(() => phone.get(lamp)).toBeUndefined();
  await untilEqual(phone);
  const gone = await domainErrorOf(system.clients.entities.getEntity({ id: lamp }, { token }));
  expect(gone).toMatchObject({ kind: "not-found" });
});

it("sync_now reaches the device that is connected", async () => {
  const household = await system.newHousehold();
  await using phone = WireDevice.open({
    sync: system.clients.sync,
    token: household.tokens.owner,
    deviceId: "phone",
  });
  await phone.upToDate();
  await using assistant = await assistantOf(household);
  const answer = await assistant.call("sync_now", { reason: "the test asks" });
  expect(answer).toMatchObject({ devices_asked: 1, devices: [{ device_id: "phone", connected: true, behind: 0 }] });
  expect(await phone.frame("syncRequested")).toMatchObject({ reason: "the test asks" });
});

it("an assistant sees nothing of another household, and a guest's assistant writes nothing (I5)", async () => {
  const theirs = await system.newHousehold();
  const ours = await system.newHousehold();
  await using neighbour = await assistantOf(theirs);
  const lamp = entityOf(await neighbour.call("create_entity", { type: "device", name: "Chartreuse" }));
  const before = await readHousehold(system.ground.database, theirs.id);

  await using assistant = await assistantOf(ours);
  expect(await assistant.attempt("get_entity_details", { entity_id: lamp })).toMatchObject({ failed: true });
  expect(await assistant.attempt("delete_entity", { entity_id: lamp })).toMatchObject({ failed: true });
  expect(await assistant.call("search_entities", { query: "Chartreuse" })).toMatchObject({ hits: [] });

  await using guest = await assistantOf(theirs, theirs.tokens.guest);
  const refused = await guest.attempt("delete_entity", { entity_id: lamp }).then(
    ({ failed }) => failed,
    (error: unknown) => error instanceof Error,
  );
  expect(refused).toBe(true);
  expect(await readHousehold(system.ground.database, theirs.id)).toEqual(before);
});
