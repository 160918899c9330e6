import { createHash } from "node:crypto";
import { type DeviceId, parseDeviceId } from "@funkygibbon/kernel/ids";
import type { IncomingChange } from "@funkygibbon/kernel/record";
import { describe, expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { START_US, sha256 } from "../../test/memory-log.ts";
import { prepareChange } from "./prepare-change.ts";

const LAMP = recordId(1);
const VERSION = "2026-11-22T09:00:01.000Z-phone-000001";

function prepare(change: Partial<IncomingChange>) {
  const ordinary = new TestDevice("phone").edit(LAMP, { name: "Lamp" });
  const context = { device: "phone" as DeviceId, sha256 };
  return prepareChange({ ...ordinary, ...change }, context);
}

function rejectionOf(change: Partial<IncomingChange>) {
  const prepared = prepare(change);
  return prepared.kind === "rejected" ? prepared.rejection : prepared;
}

const entity = { kind: "entity", type: "device", source: "manual", bodyJson: "{}" } as const;
const edge = { ...entity, kind: "relationship", type: "controls", from: LAMP, to: recordId(2) } as const;

describe("a fault inside one change", () => {
  test.each<[string, Partial<IncomingChange>, string, string]>([
    ["a record id that is no UUID", { recordId: "lamp" }, "MALFORMED_ID", "record_id"],
    ["a malformed version", { version: "yesterday-phone-1" }, "MALFORMED_VERSION", "version"],
    ["another device", { version: VERSION.replace("phone", "panel") }, "DEVICE_MISMATCH", "version"],
    ["a device of the server", { version: VERSION.replace("phone", "merge.0a0b0c0d") }, "DEVICE_MISMATCH", "version"],
    ["a malformed parent", { parents: ["x"] }, "MALFORMED_VERSION", "parent_versions[0]"],
    ["itself as parent", { parents: [VERSION] }, "OWN_PARENT", "parent_versions"],
    [
      "17 parents",
      { parents: Array.from({ length: 17 }, (_, n) => `2026-11-22T09:00:01.000Z-x-${String(n).padStart(3, "0")}`) },
      "TOO_MANY_PARENTS",
      "parent_versions",
    ],
    [
      "more changed keys than two bodies could hold",
      { changedKeys: ["é".repeat(65_537)] },
      "TOO_MANY_KEYS",
      "changed_keys",
    ],
    ["another claimed time", { claimedUs: START_US }, "CLAIMED_TIME_MISMATCH", "claimed_us"],
    ["no content", { content: undefined }, "CONTENT_MISSING", "content"],
    ["an unknown type", { content: { ...entity, type: undefined } }, "UNKNOWN_TYPE", "entity.type"],
    ["an unknown source", { content: { ...entity, source: undefined } }, "UNKNOWN_SOURCE", "entity.source"],
    ["an end that is no UUID", { content: { ...edge, to: "x" } }, "MALFORMED_ID", "relationship.to_id"],
    ["a body that is no JSON", { content: { ...entity, bodyJson: "{" } }, "INVALID_JSON", "entity.body_json"],
    ["no body", { content: { ...entity, bodyJson: "" } }, "INVALID_JSON", "entity.body_json"],
    ["null as body", { content: { ...entity, bodyJson: "null" } }, "NOT_AN_OBJECT", "entity.body_json"],
    ["a list as body", { content: { ...edge, bodyJson: "[]" } }, "NOT_AN_OBJECT", "relationship.properties_json"],
    [
      "a body above 64 KiB",
      { content: { ...entity, bodyJson: JSON.stringify({ x: "é".repeat(33_000) }) } },
      "BODY_TOO_LARGE",
      "entity.body_json",
    ],
    [
      "a body of 33 levels",
      { content: { ...entity, bodyJson: `{"a":${"[".repeat(32)}${"]".repeat(32)}}` } },
      "TOO_DEEP",
      "entity.body_json",
    ],
    ["a key twice", { content: { ...entity, bodyJson: '{"a":1,"a":2}' } }, "DUPLICATE_KEY", "entity.body_json"],
    [
      "a number that doubles cannot hold",
      { content: { ...entity, bodyJson: '{"a":12345678901234567890}' } },
      "NUMBER_PRECISION",
      "entity.body_json",
    ],
    ["half a character", { content: { ...entity, bodyJson: '{"a":"\\ud800"}' } }, "LONE_SURROGATE", "entity.body_json"],
    [
      "a property named as the ends are",
      {
        content: {
          kind: "relationship",
          type: "located_in",
          from: recordId(1),
          to: recordId(2),
          source: "manual",
          bodyJson: '{"@ends":1}',
        } as const,
      },
      "RESERVED_KEY",
      "relationship.properties_json",
    ],
    ["a tombstone with a body", { deleted: true }, "TOMBSTONE_WITH_BODY", "entity.body_json"],
    ["a checksum of something else", { checksum: "00".repeat(32) }, "CHECKSUM_MISMATCH", "checksum"],
  ])("%s is that change's rejection", (_what, change, reason, field) => {
    expect(rejectionOf(change)).toMatchObject({ reason, field });
  });

  test("in a heal is that change's rejection too", () => {
    const heal = { author: "bob", device: "panel", stamps: () => [], effectiveUs: 1 };
    expect(rejectionOf({ heal })).toMatchObject({ reason: "DEVICE_MISMATCH", field: "heal.device_id" });
    expect(rejectionOf({ heal: { ...heal, device: "phone", author: "" } })).toMatchObject({ field: "heal.author" });
    expect(rejectionOf({ heal: { ...heal, device: "phone", effectiveUs: Number.NaN } })).toMatchObject({
      reason: "MALFORMED_STAMP",
    });
  });
});

test("stamps of a heal that name no key say nothing and are left out", () => {
  const stamp = { device: parseDeviceId("phone"), sequence: 1, effectiveUs: 1 };
  const named = { stamp, keys: ["name"] };
  const heal = { author: "bob", device: "phone", stamps: () => [{ stamp, keys: [] }, named], effectiveUs: 1 };
  expect(prepare({ heal })).toMatchObject({ kind: "valid", change: { heal: { stamps: [named] } } });
});

test("a right checksum, the SHA-256 of the canonical body, is accepted in either case", () => {
  const checksum = createHash("sha256").update('{"floor":1,"name":"Hall"}').digest("hex");
  const content = {
    kind: "entity",
    type: "room",
    source: "manual",
    bodyJson: '{ "name": "Hall", "floor": 1.0 }',
  } as const;
  expect(prepare({ content, checksum: checksum.toUpperCase() }).kind).toBe("valid");
  expect(prepare({ content, checksum }).kind).toBe("valid");
});

test("a claimed time of a year that numbers cannot hold is the version's own", () => {
  const version = "9999-12-31T23:59:59.999Z-phone-000001";
  const prepared = prepare({ version, claimedUs: Date.UTC(9999, 11, 31, 23, 59, 59, 999) * 1_000 });
  expect(prepared).toMatchObject({ kind: "valid", change: { version, claimedUs: Number.MAX_SAFE_INTEGER } });
});

test("the body is kept as it was sent, its hash is of what it says", () => {
  const spelt = prepare({ content: { ...entity, bodyJson: '{ "b": 1.0, "a": "\\u0000" }' } });
  const canonical = prepare({ content: { ...entity, bodyJson: '{"a":"\\u0000","b":1}' } });
  if (spelt.kind !== "valid" || canonical.kind !== "valid") throw new Error("both are valid");
  expect(spelt.change.bodyText).toBe('{ "b": 1.0, "a": "\\u0000" }');
  expect(spelt.change.contentHash).toBe(canonical.change.contentHash);
});
