import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { DevicePen } from "../support/device-pen.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";
import { WireDevice } from "../support/wire-device.ts";

const PYTHON = "/usr/bin/python3";

/** Why there is no Python gRPC client on this machine; undefined when there is one. */
async function whyNoGrpcio(): Promise<string | undefined> {
  const tried = await runTool(PYTHON, ["-c", "import grpc, google.protobuf"]).catch((error: unknown) => String(error));
  if (typeof tried === "string") return `${PYTHON} cannot be run: ${tried}`;
  if (tried.code === 0) return undefined;
  return `python3-grpcio is missing (apt-get install python3-grpcio python3-protobuf): ${tried.stderr.trim().split("\n").at(-1)}`;
}

const missing = await whyNoGrpcio();
if (missing !== undefined) console.warn(`contract test of the Python client skipped: ${missing}`);

describe.skipIf(missing !== undefined)("Python's grpcio", () => {
  let system: Constellation;
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-python-"));
  const descriptors = join(folder, "funkygibbon.binpb");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(async () => {
    const build = runTool(join(REPOSITORY, "node_modules", ".bin", "buf"), ["build", "-o", descriptors]);
    system = await constellation();
    expect(await build).toMatchObject({ code: 0, stderr: "" });
    return () => system[Symbol.asyncDispose]();
  });

  async function runDevice(token: string, ...args: string[]) {
    const program = join(REPOSITORY, "examples", "python-device.py");
    const options = ["--url", system.urls.syncCoordinator, "--descriptors", descriptors, "--timeout", "20", ...args];
    const result = await runTool(PYTHON, [program, ...options], { FUNKYGIBBON_TOKEN: token });
    const lines = result.stdout.split("\n").filter((line) => line !== "");
    return { ...result, events: lines.map((line): Record<string, unknown> => JSON.parse(line)) };
  }

  it("pushes and receives over SyncStream, by a descriptor set alone", async () => {
    const household = await system.newHousehold();
    await using phone = WireDevice.open({
      sync: system.clients.sync,
      token: household.tokens.owner,
      deviceId: "phone",
    });
    const lamp = new DevicePen("phone").entity({ name: "Lamp" });
    await phone.push([lamp]);

    const { code, stderr, events } = await runDevice(
      household.tokens.member,
      "--device",
      "python-1",
      "--room",
      "Attic",
    );
    expect([code, stderr]).toEqual([0, ""]);
    expect(events).toContainEqual({ event: "welcome", household: household.id, role: "member", head_seq: 1 });
    expect(events).toContainEqual(
      expect.objectContaining({ event: "record", record: lamp.recordId, seq: 1, body: '{"name":"Lamp"}' }),
    );
    expect(events).toContainEqual(expect.objectContaining({ event: "answered", outcome: 1, head_seq: 2 }));
    const attic = events.find(({ event }) => event === "answered")?.record;

    // The room is on the other device, and both sum up to the same.
    const { digest } = await phone.upToDate(2n);
    expect(phone.heads.get(String(attic))?.content).toMatchObject({
      author: "ben",
      deviceId: "python-1",
      content: { case: "entity", value: { bodyJson: '{"name": "Attic"}' } },
    });
    const again = await runDevice(household.tokens.member, "--device", "python-2");
    expect(again.events.at(-1)).toEqual({
      event: "up_to_date",
      head_seq: 2,
      digest: digest.toString(16).padStart(16, "0"),
    });
  });

  it("reads why it was refused", async () => {
    const household = await system.newHousehold();
    await system.clients.sync.sync(
      { protocolVersion: "inbetweenies-v1", deviceId: "first" },
      { token: household.tokens.owner },
    );
    const { code, stderr } = await runDevice(household.tokens.guest, "--room", "Attic");
    expect(code).toBe(1);
    expect(stderr).toContain("PERMISSION_DENIED");
  });
});
