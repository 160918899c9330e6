import {
  type SubscribeResponse,
  SyncService,
  type SyncStreamResponse,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { failedPrecondition, unauthenticated } from "@funkygibbon/kernel/errors";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { startRpcServer } from "@funkygibbon/rpc/server";
import { implement } from "@funkygibbon/rpc/service";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import type { DeviceFrame } from "../transport.ts";
import { ModelServer, ModelSession } from "./model-server.ts";

/** The model behind the real RPC server, so that transports are tried on real wires. Its one good token is `good`. */
export interface ServedModel extends AsyncDisposable {
  readonly model: ModelServer;
  readonly url: string;
}

/** Serves a fresh model on a free port, over gRPC and Connect. */
export async function serveModel(): Promise<ServedModel> {
  const opened = new AsyncDisposableStack();
  const model = new ModelServer();
  const health = new Health();
  const telemetry = opened.use(startTelemetry({ service: "model", version: "0.0.0" }));
  const refuse = async () => {
    throw unauthenticated("not in this test");
  };
  const server = opened.use(
    await startRpcServer({
      host: "127.0.0.1",
      port: 0,
      services: [bind(model)],
      verifier: { verifyUser: async (token) => identityOf(token), verifyService: refuse, verifyActor: refuse },
      health,
      log: silentLogger(),
      telemetry,
    }),
  );
  health.markServing();
  return { model, url: server.url, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function bind(model: ModelServer) {
  const subscribed = new Map<string, ModelSession>();
  const unused = async () => {
    throw failedPrecondition("UNUSED", "not in this test");
  };
  return implement(SyncService, {
    access: "user",
    handlers: {
      async syncStream(stream, call) {
        const session = new ModelSession(model, { token: "", signal: call.signal });
        await Promise.all([readFrames(stream, session), writeFrames(stream, session)]);
      },
      async *subscribe(request, call) {
        const session = new ModelSession(model, { token: "", signal: call.signal });
        const hello = request.hello;
        if (hello === undefined) return;
        subscribed.set(hello.deviceId, session);
        await session.send({ case: "hello", value: hello });
        for await (const { householdId, epoch, frame } of session.frames) {
          if (frame.case === "pushResult") continue;
          yield { householdId, epoch, frame } satisfies Partial<SubscribeResponse>;
        }
      },
      sync: (request) => {
        const session = subscribed.get(request.deviceId);
        if (request.changes.length > 0 && session === undefined)
          throw failedPrecondition("NO_SESSION", "subscribe first");
        const { outcomes, headSeq } = model.push("push", request.deviceId, request.changes, () => undefined);
        model.publish();
        const { household: householdId, epoch, digest } = model;
        return Promise.resolve({ householdId, epoch, outcomes, headSeq, digest, upToDate: false });
      },
      ack: async (request) => {
        await subscribed.get(request.deviceId)?.send({ case: "ack", value: request as never });
        return {};
      },
      listDevices: unused,
      forgetDevice: unused,
      requestSync: unused,
    },
  });
}

async function readFrames(stream: AsyncIterable<{ frame: DeviceFrame | { case: undefined } }>, session: ModelSession) {
  for await (const { frame } of stream) if (frame.case !== undefined) await session.send(frame);
  session.close();
}

async function writeFrames(stream: { send(frame: SyncStreamResponse): Promise<void> }, session: ModelSession) {
  for await (const frame of session.frames) await stream.send(frame);
}

function identityOf(token: string) {
  if (token !== "good") throw unauthenticated("the token does not verify", "TOKEN_INVALID");
  return {
    household: parseHouseholdId("h1"),
    user: parseUserId("ada"),
    role: "member" as const,
    scopes: [],
    device: undefined,
    expiresAt: systemClock.now() + 3_600_000_000,
    client: undefined,
  };
}
