import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AckResponseSchema,
  HelloSchema,
  PullAckSchema,
  PushSchema,
  SyncRequestSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { afterEach, expect, it, vi } from "vitest";
import { ManualClock } from "./testing/scenario.ts";
import { WebTransport } from "./web-transport.ts";

afterEach(() => vi.unstubAllGlobals());

it("tells the device's clock as it is when a push goes out, not when it began to wait for the call before it", async () => {
  const acknowledged = Promise.withResolvers<void>();
  const pushed = Promise.withResolvers<bigint>();
  vi.stubGlobal("fetch", async (url: string, init: { readonly body: Uint8Array }) => {
    if (url.endsWith("/Sync")) pushed.resolve(fromBinary(SyncRequestSchema, init.body).deviceTimeUs);
    if (!url.endsWith("/Ack")) return new Promise(() => {});
    await acknowledged.promise;
    const body = new Uint8Array(toBinary(AckResponseSchema, create(AckResponseSchema)));
    return new Response(body, { headers: { "content-type": "application/proto" } });
  });
  const clock = new ManualClock();
  const atFirst = clock.now();
  const session = new WebTransport("http://sync.test", clock).open({
    token: "good",
    signal: new AbortController().signal,
  });
  await session.send({ case: "hello", value: create(HelloSchema) });
  await session.send({ case: "ack", value: create(PullAckSchema) });
  await session.send({ case: "push", value: create(PushSchema, { deviceTimeUs: BigInt(atFirst) }) });
  clock.nowUs += 7_000_000;
  acknowledged.resolve();
  expect(Number(await pushed.promise) - atFirst).toBe(7_000_000);
  session.close();
});
