import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { SyncStreamResponse } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { connectMcp } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";

// What an assistant and a device on SyncStream see of each other.

let house: Constellation;
let client: Client;
let panel: Panel;

beforeAll(async () => {
  house = await constellation();
  client = await connectMcp(new URL("/mcp", house.urls.mcpGateway), house.tokens.owner);
  panel = await connectPanel();
});
afterAll(async () => {
  panel.cancel();
  await client.close();
  await house[Symbol.asyncDispose]();
});

type Frame = SyncStreamResponse["frame"];
type FrameOf<Case extends Frame["case"]> = Extract<Frame, { case: Case }>;
type Panel = Awaited<ReturnType<typeof connectPanel>>;

async function connectPanel() {
  const stream = house.clients.sync.syncStream({ token: house.tokens.owner });
  const messages = stream.messages[Symbol.asyncIterator]();
  let epoch = "";
  /** The next frame of this kind; the others are passed over, changes acknowledged. */
  async function next<Case extends Frame["case"]>(wanted: Case): Promise<FrameOf<Case>> {
    for (;;) {
      const { value, done } = await messages.next();
      if (done === true) throw new Error(`the stream ended before ${wanted}`);
      epoch = value.epoch;
      const { frame } = value;
      if (frame.case === "changes") {
        const { frameId, cursor } = frame.value;
        await stream.send({ frame: { case: "ack", value: { frameId, cursor } } });
      }
      if (isFrame(frame, wanted)) return frame;
    }
  }
  await stream.send({
    frame: {
      case: "hello",
      value: {
        protocolVersion: PROTOCOL_VERSION,
        deviceId: "wall-panel",
        deviceTimeUs: BigInt(Date.now()) * 1_000n,
        metadata: { platform: "linux" },
      },
    },
  });
  await next("upToDate");
  return {
    next,
    cancel: () => stream.cancel(),
    async push(change: { recordId: string; sequence: number; parents: string[]; bodyJson: string }) {
      const deviceTimeUs = BigInt(Date.now()) * 1_000n;
      const sequence = String(change.sequence).padStart(3, "0");
      await stream.send({
        frame: {
          case: "push",
          value: {
            pushId: BigInt(change.sequence),
            householdId: house.household,
            epoch,
            deviceTimeUs,
            changes: [
              {
                recordId: change.recordId,
                version: `${new Date().toISOString()}-wall-panel-${sequence}`,
                parentVersions: change.parents,
                content: { case: "entity", value: { type: EntityType.DEVICE, bodyJson: change.bodyJson } },
                wish: ResolutionStrategy.MANUAL,
              },
            ],
          },
        },
      });
      return (await next("pushResult")).value;
    },
  };
}

function isFrame<Case extends Frame["case"]>(frame: Frame, wanted: Case): frame is FrameOf<Case> {
  return frame.case === wanted;
}

async function call<Data>(name: string, args: Record<string, unknown>): Promise<Data> {
  const result = await client.callTool({ name, arguments: args });
  expect(result.isError).toBeUndefined();
  return result.structuredContent as Data;
}

interface Written {
  readonly entity: { readonly id: string; readonly version: string };
}

it("brings an assistant's edit to a connected device", async () => {
  const { entity } = await call<Written>("create_entity", { type: "device", name: "Lamp" });
  const frame = await panel.next("changes");
  expect(frame.value.records).toMatchObject([
    { record: { case: "version", value: { recordId: entity.id, version: entity.version, author: "ada" } } },
  ]);
});

it("has the connected device asked to sync, with the assistant's reason", async () => {
  const answer = await call("sync_now", { device_id: "wall-panel", reason: "the user is looking at it" });
  expect(answer).toMatchObject({
    devices_asked: 1,
    devices: [{ device_id: "wall-panel", connected: true, platform: "linux" }],
  });
  expect((await panel.next("syncRequested")).value.reason).toBe("the user is looking at it");
});

it("shows an assistant what a device's edit and its own contradict each other in", async () => {
  const { entity: created } = await call<Written>("create_entity", { type: "device", name: "Lamp" });
  await call("update_entity", { entity_id: created.id, content: { name: "Pendant" } });
  const { outcomes } = await panel.push({
    recordId: created.id,
    sequence: 1,
    parents: [created.version],
    bodyJson: '{"name":"Ceiling light"}',
  });
  expect(outcomes).toMatchObject([{ outcome: Outcome.PENDING_REVIEW }]);
  const { conflicts } = await call<{ conflicts: unknown[] }>("list_conflicts", { entity: created.id });
  expect(conflicts).toMatchObject([
    {
      record_id: created.id,
      record_kind: "entity",
      type: "content_conflict",
      decision: "open",
      fields: [{ field: "name", device: "Ceiling light", server: "Pendant", base: "Lamp" }],
      device_author: "ada",
    },
  ]);
});
