import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { ErrorInfoSchema } from "@funkygibbon/gen/google/rpc/error_details_pb";
import {
  SyncService,
  type SyncStreamRequestSchema,
  type SyncStreamResponse,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { DevicePen, manyEntities } from "../support/device-pen.ts";
import { FrameChannel } from "../support/frame-channel.ts";
import { valuesOf, WireDevice } from "../support/wire-device.ts";

/** Connect's gRPC transport is another implementation of gRPC over HTTP/2 than the grpc-js that serves it here. */
describe("Connect's gRPC client", () => {
  let system: Constellation;
  beforeAll(async () => {
    system = await constellation();
    return () => system[Symbol.asyncDispose]();
  });

  it("pushes and receives over the bidirectional SyncStream, next to a grpc-js device", async () => {
    const household = await system.newHousehold();
    const client = createClient(SyncService, createGrpcTransport({ baseUrl: system.urls.syncCoordinator }));
    const headers = { authorization: `Bearer ${household.tokens.owner}` };
    const requests = new FrameChannel<MessageInitShape<typeof SyncStreamRequestSchema>>();
    const frames: SyncStreamResponse[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const frame of client.syncStream(requests, { headers, signal: stop.signal })) frames.push(frame);
    })();

    requests.send({ frame: { case: "hello", value: { protocolVersion: "inbetweenies-v1", deviceId: "connect" } } });
    await expect.poll(() => valuesOf(frames, "upToDate")).toHaveLength(1);
    const [{ epoch = "", householdId = "" } = {}] = frames;
    const changes = manyEntities(new DevicePen("connect"), 500);
    requests.send({ frame: { case: "push", value: { pushId: 1n, householdId, epoch, changes } } });
    await expect.poll(() => valuesOf(frames, "pushResult")).toMatchObject([{ pushId: 1n, headSeq: 500n }]);

    await using phone = WireDevice.open({
      sync: system.clients.sync,
      token: household.tokens.member,
      deviceId: "phone",
    });
    const { outcomes } = await phone.push([new DevicePen("phone").entity({ name: "From grpc-js" })]);
    expect(outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
    await expect.poll(() => valuesOf(frames, "upToDate").at(-1)).toMatchObject({ headSeq: 501n });
    const pulled = valuesOf(frames, "changes").flatMap(({ records }) => records);
    expect(pulled.map(({ record }) => record.value?.recordId)).toEqual([
      ...changes.map(({ recordId }) => recordId),
      outcomes[0]?.recordId,
    ]);
    requests.end();
    await reading;
    expect((await phone.upToDate(501n)).digest).toBe(valuesOf(frames, "upToDate").at(-1)?.digest);
  });

  it("calls unary methods and decodes what they fail with", async () => {
    const household = await system.newHousehold();
    const client = createClient(EntityService, createGrpcTransport({ baseUrl: system.urls.entityStore }));
    const headers = { authorization: `Bearer ${household.tokens.owner}` };
    const { entity } = await client.createEntity({ type: EntityType.ROOM, bodyJson: '{"name":"Attic"}' }, { headers });
    const read = await client.getEntity({ id: entity?.id ?? "" }, { headers });
    expect(read.entity).toEqual(entity);
    const error = await client.getEntity({ id: "attic" }, { headers }).catch((reason) => ConnectError.from(reason));
    if (!(error instanceof ConnectError)) throw new Error("an id that is no UUID was accepted");
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ domain: "funkygibbon.dev" }]);
  });

  it("is stopped by its own deadline, and the server by the client's cancel", async () => {
    const household = await system.newHousehold();
    const client = createClient(SyncService, createGrpcTransport({ baseUrl: system.urls.syncCoordinator }));
    const headers = { authorization: `Bearer ${household.tokens.owner}` };
    const hello = { protocolVersion: "inbetweenies-v1", deviceId: "impatient" };
    const frames: string[] = [];
    const error = await (async () => {
      for await (const { frame } of client.subscribe({ hello }, { headers, timeoutMs: 1_500 })) {
        frames.push(frame.case ?? "");
      }
    })().catch((reason) => ConnectError.from(reason));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    expect(frames).toContain("welcome");
    await expect
      .poll(async () => (await client.listDevices({}, { headers })).devices)
      .toMatchObject([{ deviceId: "impatient", connected: false }]);
  });
});
