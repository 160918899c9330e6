import { randomUUID } from "node:crypto";
import { DomainError, invalid, unavailable } from "@funkygibbon/kernel/errors";
import { beforeEach, describe, expect, it } from "vitest";
import { villaForTests } from "../../testing/villa.ts";

const house = villaForTests();
const { call, furnish } = house;

describe("create_entity", () => {
  it("stores the entity with its name and says its id", async () => {
    const { data, text } = await call("create_entity", {
      type: "room",
      name: " Attic ",
      content: { floor: 2, name: "something else" },
    });
    const [stored] = [...house.home.entities.values()];
    expect(stored).toMatchObject({ type: "room", content: { floor: 2, name: "Attic" } });
    expect(data).toEqual({
      entity: { id: stored?.id, type: "room", name: "Attic", version: stored?.version, etag: stored?.etag },
      dry_run: false,
      call_id: house.home.calls.at(-1)?.callId,
    });
    expect(text).toContain(stored?.id);
  });

  it("stores nothing on a dry run", async () => {
    const { data } = await call("create_entity", { type: "room", name: "Attic", dry_run: true });
    expect(data.dry_run).toBe(true);
    expect(house.home.entities.size).toBe(0);
  });

  it("answers a wrong type with the allowed ones and the nearest", async () => {
    const { failed, error, text } = await call("create_entity", { type: "Devices", name: "Lamp" });
    expect(failed).toBe(true);
    expect(error).toMatchObject({
      reason: "INVALID_ARGUMENTS",
      arguments: [{ field: "type", problem: 'cannot be "Devices"', nearest: ["device", "service"] }],
    });
    expect(text).toContain("allowed: home, room, device");
    expect(house.home.entities.size).toBe(0);
  });

  it("names every argument that is missing, wrong or unknown at once", async () => {
    const { error } = await call("create_entity", { content: [], dry_run: "yes", naem: "red" });
    expect(error?.arguments).toEqual([
      expect.objectContaining({ field: "type", problem: "is required" }),
      { field: "name", problem: "is required" },
      { field: "content", problem: "must be a JSON object" },
      { field: "dry_run", problem: 'must be a boolean, not "yes"' },
      {
        field: "naem",
        problem: "is not an argument of this tool",
        allowed: ["type", "name", "content", "dry_run"],
        nearest: ["name"],
      },
    ]);
  });
});

describe("update_entity", () => {
  it("sets and removes the named keys and leaves the others", async () => {
    const { lamp } = furnish();
    const { data } = await call("update_entity", {
      entity_id: lamp.id,
      content: { name: "Pendant", brightness: null },
      remove: ["manufacturer"],
      etag: lamp.etag,
    });
    expect(house.home.entities.get(lamp.id)?.content).toEqual({ name: "Pendant", brightness: null });
    expect(data).toMatchObject({ entity: { name: "Pendant" }, changed: ["name", "brightness", "manufacturer"] });
  });

  it("refuses a change that somebody has overtaken, and names the etag of now", async () => {
    const { lamp } = furnish();
    const { error, text } = await call("update_entity", { entity_id: lamp.id, content: { x: 1 }, etag: '"0"' });
    expect(error?.reason).toBe("ETAG_MISMATCH");
    expect(text).toContain(lamp.etag);
    expect(house.home.entities.get(lamp.id)).toBe(lamp);
  });

  it("refuses a change of nothing, which would otherwise replace everything", async () => {
    const { lamp } = furnish();
    const { error } = await call("update_entity", { entity_id: lamp.id, content: {} });
    expect(error).toMatchObject({ reason: "INVALID_ARGUMENTS", arguments: [{ field: "content" }] });
    expect(house.home.entities.get(lamp.id)).toBe(lamp);
  });

  it("answers a name with the ids that it may stand for, and changes nothing", async () => {
    const { lamp } = furnish();
    const { error } = await call("update_entity", { entity_id: "Ceiling lamp", content: { x: 1 } });
    expect(error).toMatchObject({ reason: "ID_NEEDED", suggestions: [{ id: lamp.id }] });
    expect(house.home.entities.get(lamp.id)).toBe(lamp);
  });

  it("refuses an empty name and a key that is both set and removed", async () => {
    const { lamp } = furnish();
    const { error } = await call("update_entity", { entity_id: lamp.id, content: { name: " " }, remove: ["name"] });
    expect(error?.arguments).toEqual([
      expect.objectContaining({ field: "remove" }),
      expect.objectContaining({ field: "content.name" }),
    ]);
  });
});

describe("delete_entity", () => {
  it("deletes the entity with its relationships, and only then", async () => {
    const { kitchen } = furnish();
    const planned = await call("delete_entity", { entity_id: kitchen.id, dry_run: true });
    expect(planned.data).toMatchObject({ dry_run: true });
    expect(planned.data.deleted_relationship_ids).toHaveLength(3);
    expect(house.home.entities.has(kitchen.id)).toBe(true);
    const done = await call("delete_entity", { entity_id: kitchen.id });
    expect(done.text).toBe(`Deleted Kitchen (room, id ${kitchen.id}) and 3 relationships.`);
    expect(house.home.entities.has(kitchen.id)).toBe(false);
    expect(house.home.relationships.size).toBe(0);
  });
});

describe("create_relationship", () => {
  it("connects two entities by name", async () => {
    const { kitchen } = furnish();
    const sensor = house.home.add("device", "Sensor");
    const { data } = await call("create_relationship", { type: "located_in", from: "Sensor", to: "Kitchen" });
    expect([...house.home.relationships.values()].at(-1)).toMatchObject({
      type: "located_in",
      fromId: sensor.id,
      toId: kitchen.id,
    });
    expect(data).toMatchObject({ relationship: { from: { id: sensor.id }, to: { id: kitchen.id } } });
  });

  it("always names the first end that is wrong", async () => {
    for (let round = 0; round < 5; round++) {
      const { text } = await call("create_relationship", { type: "depends_on", from: "No one", to: randomUUID() });
      expect(text).toMatch(/^from: /);
    }
  });

  it("answers a pair that cannot be connected with what could", async () => {
    furnish();
    const before = house.home.relationships.size;
    const { error, text } = await call("create_relationship", { type: "located_in", from: "Kitchen", to: "Fridge" });
    expect(error?.reason).toBe("FORBIDDEN_EDGE");
    expect(text).toContain("device/accessory located_in room/zone/home");
    expect(house.home.relationships.size).toBe(before);
  });
});

describe("sync_now", () => {
  beforeEach(() => {
    house.home.knownDevices.push(
      { deviceId: "ada-phone", connected: true, behind: 3, lastSeen: "2026-11-22T09:41:02.581Z", platform: "ios" },
      { deviceId: "wall-panel", connected: false, behind: 0, lastSeen: undefined, platform: "" },
    );
  });

  it("asks the connected devices and says how far each is", async () => {
    const { data, text } = await call("sync_now", {});
    expect(house.home.syncRequests).toEqual([{ deviceId: undefined, reason: "asked by an assistant" }]);
    expect(data).toMatchObject({ devices_asked: 1, devices: [{ behind: 3 }, { connected: false }] });
    expect(text).toContain("ada-phone: connected, 3 changes behind");
  });

  it("answers an unknown device with the nearest, and asks nobody", async () => {
    const { error } = await call("sync_now", { device_id: "adas-phone" });
    expect(error).toMatchObject({ arguments: [{ field: "device_id", nearest: ["ada-phone"] }] });
    expect(house.home.syncRequests).toEqual([]);
  });
});

describe("a fault behind the gateway", () => {
  it.each([
    ["away", unavailable("entity-store does not answer", { retryAfterMs: 2_500 }), "Try again in 3 s"],
    ["broken", new TypeError("secret detail"), "Something went wrong on our side"],
    [
      "refusing a field",
      invalid([{ field: "body_json.size", description: "is too large" }]),
      "content.size is too large",
    ],
    ["at its limit", new DomainError("exhausted", "slow down", { reason: "RATE_LIMITED" }), "Try again in 1 s"],
  ])("is told to the model without secrets: %s", async (_case, failure, text) => {
    house.home.failure = failure;
    const result = await call("create_entity", { type: "note", name: "n" });
    expect(result.failed).toBe(true);
    expect(result.text).toContain(text);
    expect(result.text).not.toContain("secret");
    expect(house.endpoint.reports.at(-1)).toMatchObject({ tool: "create_entity", error: failure });
  });
});
