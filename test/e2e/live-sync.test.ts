import { type Client as ConnectClient, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type SubscribeResponse, SyncService, SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen, manyEntities } from "../support/device-pen.ts";
import { readHousehold, seqsOf } from "../support/household-record.ts";
import { connectDevice, untilEqual, within } from "../support/node-device.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

function open(household: TestHousehold, deviceId: string, token = household.tokens.owner): WireDevice {
  return WireDevice.open({ sync: system.clients.sync, token, deviceId });
}

describe("over SyncStream", () => {
  it("brings an edit of one device to the other while it watches, with one digest for all (I2)", async () => {
    const household = await system.newHousehold();
    await using phone = open(household, "ada-phone");
    await using panel = open(household, "wall-panel", household.tokens.member);
    await Promise.all([phone.upToDate(), panel.upToDate()]);
    const lamp = new DevicePen("ada-phone").entity({ name: "Lamp", on: true });

    const result = await phone.push([lamp]);
    expect(result).toMatchObject({ syncStatus: SyncStatus.SUCCESS, headSeq: 1n, refusedReason: "" });
    expect(result.outcomes).toMatchObject([
      { recordId: lamp.recordId, version: lamp.version, outcome: Outcome.APPLIED, headSeq: 1n, duplicate: false },
    ]);

    const [seenByPanel, seenByPhone] = await Promise.all([panel.upToDate(1n), phone.upToDate(1n)]);
    expect(panel.heads.get(lamp.recordId)?.content).toMatchObject({
      version: lamp.version,
      author: "ada",
      deviceId: "ada-phone",
      deleted: false,
      content: { case: "entity", value: { bodyJson: '{"name":"Lamp","on":true}' } },
    });
    expect(panel.digest()).toBe(seenByPanel.digest);
    expect(phone.digest()).toBe(seenByPhone.digest);
    expect(seenByPanel.digest).toBe(seenByPhone.digest);
  });

  it("spares the writer its own bodies: versions answered on a session come back on it as stamps", async () => {
    const household = await system.newHousehold();
    await using phone = open(household, "ada-phone");
    await phone.upToDate();
    const pen = new DevicePen("ada-phone");
    for (let round = 1n; round <= 4n; round++) {
      const { headSeq } = await phone.push(manyEntities(pen, 300));
      await phone.upToDate(headSeq);
    }
    const records = phone.frames.flatMap(({ frame }) => (frame.case === "changes" ? frame.value.records : []));
    const own = records.filter(({ record }) => record.case === "own");
    expect(records).toHaveLength(1_200);
    expect(own.length).toBeGreaterThan(0);
    expect(own[0]?.record.value).toMatchObject({ author: "ada", seq: expect.any(BigInt), stamps: [] });
  });

  it("sends the backlog first, then live changes, in seq order without gap or repeat (I4)", async () => {
    const household = await system.newHousehold();
    const pen = new DevicePen("hub");
    await using hub = open(household, "hub");
    await hub.push(manyEntities(pen, 1_000));
    await hub.push(manyEntities(pen, 700));

    await using late = open(household, "late-phone");
    const pushing = (async () => {
      for (let round = 0; round < 10; round++) await hub.push(manyEntities(pen, 5));
    })();
    await pushing;
    await late.upToDate(1_750n);

    const seqs = late.frames.flatMap(({ frame }) =>
      frame.case === "changes" ? frame.value.records.map(({ record }) => Number(record.value?.seq)) : [],
    );
    expect(seqs).toEqual(Array.from({ length: 1_750 }, (_, index) => index + 1));
    expect(await seqsOf(system.ground.database, household.id)).toEqual(seqs);
    expect(late.digest()).toBe((await late.upToDate(1_750n)).digest);
  });

  it("resumes from its cursor and sends only what is new", async () => {
    const household = await system.newHousehold();
    const pen = new DevicePen("hub");
    await using hub = open(household, "hub");
    await hub.push(manyEntities(pen, 50));
    const phone = open(household, "ada-phone");
    const { cursor } = await phone.upToDate(50n);
    const { sessionKey } = await phone.welcome();
    const [{ epoch = "" } = {}] = phone.frames;
    await phone[Symbol.asyncDispose]();

    const [later] = (await Promise.all([hub.push([pen.entity({ name: "Later" })])])).flatMap((r) => r.outcomes);
    await using back = WireDevice.open({
      sync: system.clients.sync,
      token: household.tokens.owner,
      deviceId: "ada-phone",
      hello: { householdId: household.id, epoch, cursor, sessionKey },
    });
    await back.upToDate(51n);
    expect((await back.welcome()).forked).toBe(false);
    expect([...back.heads.keys()]).toEqual([later?.recordId]);
  });

  it("never takes a device back behind a tombstone, however long it was away (I9)", async () => {
    const household = await system.newHousehold();
    const pen = new DevicePen("hub");
    await using hub = open(household, "hub");
    const lamp = pen.entity({ name: "Lamp" });
    await hub.push([lamp]);
    const phone = open(household, "ada-phone");
    const { cursor } = await phone.upToDate(1n);
    const { sessionKey } = await phone.welcome();
    const [{ epoch = "" } = {}] = phone.frames;
    await phone[Symbol.asyncDispose]();
    await hub.push([pen.remove(lamp)]);

    await using back = WireDevice.open({
      sync: system.clients.sync,
      token: household.tokens.owner,
      deviceId: "ada-phone",
      hello: { householdId: household.id, epoch, cursor, sessionKey },
    });
    expect((await back.upToDate(2n)).digest).toBe(0n);
    expect(back.heads.get(lamp.recordId)).toMatchObject({ deleted: true, seq: 2n });
    // What the device still edits on top of the deleted record does not revive it either.
    const stale = new DevicePen("ada-phone").update(lamp, { name: "Old lamp" });
    const { outcomes } = await back.push([stale]);
    expect(outcomes[0]?.outcome).not.toBe(Outcome.REJECTED);
    const { standing, versions } = await readHousehold(system.ground.database, household.id);
    expect(versions.some((line) => line.endsWith(stale.version))).toBe(true);
    await using fresh = open(household, "fresh");
    const { digest } = await fresh.upToDate(BigInt(standing?.headSeq ?? 0));
    expect(fresh.digest()).toBe(digest);
  });
});

describe("between real devices", () => {
  it("keeps three replicas equal through creates, edits, edges and deletes (I2)", async () => {
    const household = await system.newHousehold();
    const token = household.tokens.owner;
    await using a = await connectDevice(system, { deviceId: "a", token });
    await using b = await connectDevice(system, { deviceId: "b", token });
    await using c = await connectDevice(system, { deviceId: "c", token: household.tokens.guest });
    const room = await a.create({ type: "room", body: { name: "Kitchen" } });
    const lamp = await a.create({ type: "device", body: { name: "Lamp", on: false } });
    const edge = await a.relate({ type: "located_in", from: lamp, to: room });
    await untilEqual(a, b, c);
    expect(b.graph.neighbours(room, {}).map(({ entity }) => entity.name)).toEqual(["Lamp"]);

    await b.update(lamp, { on: true });
    await untilEqual(a, b, c);
    expect(a.get(lamp)).toMatchObject({ body: { name: "Lamp", on: true } });

    await a.remove(lamp);
    await untilEqual(a, b, c);
    for (const device of [a, b, c]) {
      expect(device.get(lamp)).toBeUndefined();
      // I11: an edge goes with its end.
      expect(device.get(edge)).toBeUndefined();
      expect(device.digest).toBe(a.digest);
      expect(device.state.digestMismatches).toBe(0);
    }
  });

  it("brings edits made offline when the device comes back", async () => {
    const household = await system.newHousehold();
    await using phone = await connectDevice(system, { deviceId: "phone", token: household.tokens.owner });
    await using panel = await connectDevice(system, { deviceId: "panel", token: household.tokens.member });
    await phone.settled(within());
    await phone.disconnect();
    const ids = await phone.edit((editor) =>
      Array.from({ length: 1_200 }, (_, index) => editor.create({ type: "note", body: { name: `Note ${index}` } })),
    );
    expect(panel.graph.find({ type: "note" })).toHaveLength(0);
    phone.connect();
    await untilEqual(phone, panel);
    expect(
      panel.graph
        .find({ type: "note" })
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
    expect(panel.digest).toBe(phone.digest);
  });
});

const BROWSER_TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  "Connect over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "Connect as JSON": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "gRPC-Web": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
};

describe.each(Object.entries(BROWSER_TRANSPORTS))("over %s", (_name, transport) => {
  const PROTOCOL = "inbetweenies-v1";

  function browserOf(household: TestHousehold) {
    const client = createClient(SyncService, transport(system.urls.syncCoordinator));
    return { client, headers: { authorization: `Bearer ${household.tokens.owner}` } };
  }

  it("pushes by unary Sync, pulls by Subscribe, and moves its cursor by Ack", async () => {
    const household = await system.newHousehold();
    const { client, headers } = browserOf(household);
    const deviceId = "browser-1";
    const stop = new AbortController();
    const frames = subscription(client, deviceId, { headers, signal: stop.signal });
    const welcome = await frames.next("welcome");
    const upToDate = await frames.next("upToDate");
    expect(upToDate).toMatchObject({ headSeq: 0n, digest: 0n });

    const lamp = new DevicePen(deviceId).entity({ name: "Lamp" });
    const answer = await client.sync(
      {
        protocolVersion: PROTOCOL,
        deviceId,
        sessionId: welcome.sessionId,
        householdId: household.id,
        epoch: frames.epoch(),
        changes: [lamp],
        skipPull: true,
      },
      { headers },
    );
    expect(answer).toMatchObject({ protocolVersion: PROTOCOL, syncStatus: SyncStatus.SUCCESS, headSeq: 1n });
    expect(answer.outcomes).toMatchObject([{ version: lamp.version, outcome: Outcome.APPLIED }]);

    await using phone = open(household, "phone");
    const other = new DevicePen("phone").entity({ name: "From the phone" });
    await phone.push([other]);
    const changes = await frames.next("changes", ({ records }) =>
      records.some(({ record }) => record.value?.recordId === other.recordId),
    );
    expect(changes.records.at(-1)?.record.value).toMatchObject({ version: other.version, seq: 2n });
    await client.ack({ sessionId: welcome.sessionId, cursor: changes.cursor, deviceId }, { headers });
    await expect
      .poll(async () => {
        const { devices } = await client.listDevices({}, { headers });
        return devices.find((device) => device.deviceId === deviceId);
      })
      .toMatchObject({ userId: "ada", connected: true, lag: 0n });
    stop.abort();
    await frames.over;
  });

  it("syncs without any stream: push, pull by pages, and an answer for nothing new", async () => {
    const household = await system.newHousehold();
    const { client, headers } = browserOf(household);
    await using hub = open(household, "hub");
    const pen = new DevicePen("hub");
    await hub.push(manyEntities(pen, 25));
    const pulled: string[] = [];
    let cursor = "";
    let epoch = "";
    let sessionId = "";
    for (let page = 0; page < 10; page++) {
      const answer = await client.sync(
        {
          protocolVersion: PROTOCOL,
          deviceId: "poller",
          sessionId,
          nextSyncToken: cursor,
          ...(epoch === "" ? {} : { householdId: household.id, epoch }),
          pageSize: 10,
        },
        { headers },
      );
      pulled.push(...answer.changes.map(({ record }) => record.value?.recordId ?? ""));
      cursor = answer.nextSyncToken;
      epoch = answer.epoch;
      sessionId = answer.sessionId;
      if (answer.upToDate && answer.changes.length === 0) break;
    }
    expect(pulled).toHaveLength(25);
    expect(new Set(pulled).size).toBe(25);
  });
});

/** The frames of a Subscribe stream, kept until asked for. */
function subscription(
  client: ConnectClient<typeof SyncService>,
  deviceId: string,
  options: { headers: Record<string, string>; signal: AbortSignal },
) {
  type Frame = SubscribeResponse["frame"];
  type ValueOf<Case extends Frame["case"]> = Extract<Frame, { case: Case }>["value"];
  const frames: SubscribeResponse[] = [];
  const over = (async () => {
    const hello = { protocolVersion: "inbetweenies-v1", deviceId };
    for await (const response of client.subscribe({ hello }, options)) frames.push(response);
  })().catch((error: unknown) => {
    if (!options.signal.aborted) throw error;
  });
  return {
    over,
    epoch: () => frames[0]?.epoch ?? "",
    async next<Case extends NonNullable<Frame["case"]>>(
      kind: Case,
      matches: (value: ValueOf<Case>) => boolean = () => true,
    ): Promise<ValueOf<Case>> {
      const find = () =>
        frames
          .flatMap(({ frame }) => (frame.case === kind ? [frame.value as ValueOf<Case>] : []))
          .find((value) => matches(value));
      await expect.poll(find, { interval: 5 }).toBeDefined();
      return find() as ValueOf<Case>;
    },
  };
}
