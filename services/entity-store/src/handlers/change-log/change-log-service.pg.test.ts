import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ChangeLogService,
  type CommitStreamRequest,
  CommitStreamRequestSchema,
  type CommitStreamResponse,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import {
  type Change,
  ChangeSchema,
  Outcome,
  RecordVersionSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { DeviceRegistryService } from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { unauthenticated } from "@funkygibbon/kernel/errors";
import { type Identity, ROLES } from "@funkygibbon/kernel/identity";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { startRpcServer } from "@funkygibbon/rpc/server";
import { fromGrpcStatus } from "@funkygibbon/rpc/status";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { recordId } from "../../../test/changes.ts";
import { PgLog } from "../../../test/pg-log.ts";
import { PostgresDeviceRegistry } from "../../adapters/postgres-device-registry.ts";
import { foundingCommits } from "../../adapters/postgres-household-founding.ts";
import { deviceRegistryService } from "../device-registry/device-registry-service.ts";
import { changeLogService } from "./change-log-service.ts";

/** Tokens of this test read `household.role`; services call with their name. */
async function identityOf(token: string): Promise<Identity> {
  const [household = "", name] = token.split(".");
  const role = ROLES.find((known) => known === name);
  if (role === undefined) throw unauthenticated("unknown token", "TOKEN_INVALID");
  return {
    household: parseHouseholdId(household),
    user: parseUserId(token),
    role,
    scopes: [],
    device: undefined,
    expiresAt: 9e15,
    client: undefined,
  };
}

async function start() {
  await using stack = new AsyncDisposableStack();
  const pg = stack.use(await PgLog.open());
  const health = new Health();
  health.markServing();
  const log = silentLogger();
  const server = stack.use(
    await startRpcServer({
      host: "127.0.0.1",
      port: 0,
      services: [
        changeLogService({
          commits: foundingCommits(pg.log, pg.founding),
          reads: pg.reads,
          founding: pg.founding,
          verifyUser: identityOf,
        }),
        deviceRegistryService(new PostgresDeviceRegistry(pg.database, systemClock)),
      ],
      verifier: { verifyUser: identityOf, verifyActor: identityOf, verifyService: async (name) => ({ name }) },
      health,
      log,
      telemetry: stack.use(startTelemetry({ service: "entity-store", version: "0" })),
      maxMessageBytes: 16 * 1024 * 1024,
    }),
  );
  const options = { url: server.url, log, serviceToken: () => "sync-coordinator" };
  const client = stack.use(createRpcClient(ChangeLogService, options));
  const devices = stack.use(createRpcClient(DeviceRegistryService, options));
  const stranger = stack.use(createRpcClient(ChangeLogService, { url: server.url, log }));
  const moved = stack.move();
  return { pg, client, devices, stranger, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

let store: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
  store = await start();
});
afterAll(() => store[Symbol.asyncDispose]());

function lamp(n: number, changed: MessageInitShape<typeof ChangeSchema> = {}): Change {
  return create(ChangeSchema, {
    recordId: recordId(n),
    version: `2026-11-22T09:00:00.000Z-phone-${String(n).padStart(6, "0")}`,
    content: { case: "entity", value: { type: EntityType.DEVICE, bodyJson: `{"n":${n}}` } },
    ...changed,
  });
}

async function request(
  household: string,
  changes: Change[],
  changed: MessageInitShape<typeof CommitStreamRequestSchema> = {},
) {
  const { position } = await store.client.heads({}, { token: `${household}.owner` });
  return create(CommitStreamRequestSchema, {
    actorToken: `${household}.member`,
    householdId: household,
    epoch: position?.epoch ?? "",
    deviceId: "phone",
    receivedUs: BigInt(systemClock.now()),
    changes,
    ...changed,
  });
}

/** Sends requests over one stream and gives the answers in the order in which they came. */
async function exchange(requests: readonly CommitStreamRequest[]): Promise<CommitStreamResponse[]> {
  const stream = store.client.commitStream();
  for (const [index, one] of requests.entries()) await stream.send({ ...one, requestId: BigInt(index + 1) });
  const answers: CommitStreamResponse[] = [];
  for await (const answer of stream.messages) {
    answers.push(answer);
    if (answers.length === requests.length) stream.end();
  }
  return answers;
}

function errorOf(answer: CommitStreamResponse | undefined) {
  if (answer?.result.case !== "error") throw new Error("the request should have failed");
  const { code, message } = answer.result.value;
  return fromGrpcStatus({ code, message, details: toBinary(StatusSchema, answer.result.value) });
}

const decodeVersion = (bytes: Uint8Array) => fromBinary(RecordVersionSchema, bytes);

describe("CommitStream", () => {
  test("commits pushes and answers those of one household in their order", async () => {
    const requests = [];
    for (let n = 1; n <= 20; n++) requests.push(await request("ordered", [lamp(n)]));
    const answers = await exchange(requests);
    expect(answers.map((answer) => Number(answer.requestId))).toEqual(requests.map((_, index) => index + 1));
    expect(answers.map(({ result }) => result.case === "committed" && Number(result.value.lastSeq))).toEqual(
      requests.map((_, index) => index + 1),
    );
    expect(answers[0]?.result.value).toMatchObject({ deviceVersion: requests[0]?.changes[0]?.version });
  });

  test("answers a bad change for itself and the others as usual", async () => {
    const unknownType = { content: { case: "entity" as const, value: { type: 99 as EntityType, bodyJson: "{}" } } };
    const [answer] = await exchange([await request("mixed", [lamp(1), lamp(2, unknownType), lamp(3)])]);
    if (answer?.result.case !== "committed") throw new Error("must commit");
    expect(answer.result.value.outcomes.map(({ outcome }) => outcome)).toEqual([
      Outcome.APPLIED,
      Outcome.REJECTED,
      Outcome.APPLIED,
    ]);
    expect(answer.result.value.outcomes[1]?.rejection).toMatchObject({ reason: "UNKNOWN_TYPE", field: "entity.type" });
  });

  test("tells what a push has written as the log tells it, but for the bodies, where all of it became heads in its order", async () => {
    const version = (n: number) => `2026-11-22T09:00:00.000Z-phone-${String(n).padStart(6, "0")}`;
    const room = lamp(1, {
      content: { case: "entity", value: { type: EntityType.ROOM, bodyJson: '{"name":"Hall"}' } },
    });
    const edge = lamp(3, {
      recordId: recordId(3).toUpperCase(),
      content: {
        case: "relationship",
        value: {
          type: RelationshipType.LOCATED_IN,
          fromId: recordId(2),
          toId: recordId(1).toUpperCase(),
          propertiesJson: '{"since" : 2020}',
        },
      },
    });
    const edit = create(ChangeSchema, {
      recordId: recordId(2),
      version: version(4),
      parentVersions: [version(2), version(2)],
      content: { case: "entity", value: { type: EntityType.DEVICE, bodyJson: '{ "n": 2, "on": true }' } },
    });
    const answers = await exchange([
      await request("told", [room, lamp(2), edge]),
      await request("told", [edit, lamp(5)]),
      await request("told", [lamp(7), lamp(6)]),
      await request("told", [lamp(8), lamp(8)]),
    ]);
    const told = answers.flatMap(({ result }) => (result.case === "committed" ? result.value.applied : []));
    const { versions } = await store.client.readLog({ householdId: "told" });
    const log = new Map(versions.map(decodeVersion).map((one) => [one.version, one]));
    expect(told.map((one) => one.version)).toEqual([1, 2, 3, 4, 5].map(version));
    for (const one of told.filter((each) => log.has(each.version))) {
      const stored = log.get(one.version);
      const bodyJson = stored?.content.case === "entity" ? stored.content.value.bodyJson : undefined;
      const propertiesJson = stored?.content.case === "relationship" ? stored.content.value.propertiesJson : undefined;
      if (one.content.case === "entity") one.content.value.bodyJson = bodyJson ?? "";
      if (one.content.case === "relationship") one.content.value.propertiesJson = propertiesJson ?? "";
      expect(one).toEqual(stored);
    }
    expect(log.get(version(4))?.stamps).toHaveLength(1);
    // Not in the order of the push, and not all of it: the outcomes say so.
    const outcomes = answers.map(({ result }) => (result.case === "committed" ? result.value.outcomes.length : -1));
    expect(outcomes).toEqual([0, 0, 2, 2]);
  });

  test("fails a request as a whole for faults of the request, stores nothing, and goes on with the next", async () => {
    const good = await request("faults", [lamp(1)]);
    const answers = await exchange([
      { ...good, actorToken: "faults.guest" },
      { ...good, actorToken: "nonsense" },
      { ...good, actorToken: "other.member" },
      { ...good, epoch: "0192f3b0-7c4e-7a10-8f2d-ffffffffffff" },
      { ...good, deviceId: "merge.0a0b0c0d" },
      { ...good, changes: Array.from({ length: 1_001 }, (_, n) => lamp(n + 1)) },
      good,
    ]);
    expect(answers.slice(0, 6).map((answer) => [errorOf(answer).kind, errorOf(answer).reason])).toEqual([
      ["permission-denied", "READ_ONLY_ROLE"],
      ["unauthenticated", "TOKEN_INVALID"],
      ["failed-precondition", "HOUSEHOLD_CHANGED"],
      ["failed-precondition", "EPOCH_CHANGED"],
      ["invalid", "INVALID_FIELD"],
      ["invalid", "TOO_MANY_CHANGES"],
    ]);
    expect(answers[6]?.result).toMatchObject({ case: "committed", value: { firstSeq: 1n } });
  });

  test("is for services only", async () => {
    await expect(store.stranger.heads({}, { token: "home.owner" })).rejects.toMatchObject({
      kind: expect.stringMatching(/^(permission-denied|unauthenticated)$/),
    });
  });
});

describe("Heads", () => {
  test("founds the household of a member, once, and not of a guest", async () => {
    await expect(store.client.heads({}, { token: "fresh.guest" })).rejects.toMatchObject({ kind: "not-found" });
    await expect(store.client.heads({ householdId: "fresh" })).rejects.toMatchObject({ kind: "not-found" });
    const first = await store.client.heads({}, { token: "fresh.member" });
    expect(first.position).toMatchObject({ headSeq: 0n, digest: 0n });
    expect((await store.client.heads({}, { token: "fresh.guest" })).position).toEqual(first.position);
    expect((await store.client.heads({ householdId: "fresh" })).position).toEqual(first.position);
  });

  test("I5: of another household than the caller's is NOT_FOUND", async () => {
    await store.client.heads({}, { token: "mine.owner" });
    await expect(store.client.heads({ householdId: "mine" }, { token: "theirs.owner" })).rejects.toMatchObject({
      kind: "not-found",
    });
  });
});

test("ReadLog and Clocks give back what was committed", async () => {
  await exchange([await request("readable", [lamp(1), lamp(2)])]);
  const page = await store.client.readLog({ householdId: "readable", afterSeq: 1n });
  expect(page.versions.map(decodeVersion).map((version) => [version.seq, version.content.value])).toMatchObject([
    [2n, { bodyJson: '{"n":2}' }],
  ]);
  expect(page.throughSeq).toBe(2n);
  const { versions } = await store.client.clocks({ householdId: "readable" });
  expect(versions).toEqual({ phone: lamp(2).version });
  await expect(store.client.readLog({ householdId: "readable", afterSeq: -1n })).rejects.toMatchObject({
    kind: "invalid",
  });
});

test("the registry opens sessions, and never for a device of the server", async () => {
  const opening = {
    householdId: "registered",
    deviceId: "phone",
    userId: "ada",
    rotateKey: true,
    platform: "a\u0000b",
  };
  const opened = await store.devices.openSession(opening);
  expect(opened).toMatchObject({ forked: false, device: { deviceId: "phone", userId: "ada", platform: "ab" } });
  expect(opened.sessionKey).toHaveLength(32);
  await expect(store.devices.openSession({ ...opening, deviceId: "Server.x" })).rejects.toMatchObject({
    kind: "invalid",
  });
  expect((await store.devices.listDevices({ householdId: "registered" })).devices).toHaveLength(1);
});
