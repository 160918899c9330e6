import type { RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import { describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog } from "../../test/memory-log.ts";

const LAMP = recordId(1) as RecordId;
const ROOM = recordId(2) as RecordId;
const EDGE = recordId(3) as RecordId;
const create = {
  kind: "create",
  record: LAMP,
  content: { kind: "entity", type: "device", body: { name: "Lamp", on: false } },
  source: "manual",
} as const;
const target = { record: LAMP, recordKind: "entity" } as const;

function withLamp() {
  const log = new MemoryLog();
  log.api(create);
  return log;
}

function withRoom() {
  const log = withLamp();
  log.api({ kind: "create", record: ROOM, content: { kind: "entity", type: "room", body: {} }, source: "manual" });
  const content = { kind: "relationship", type: "located_in", from: LAMP, to: ROOM, body: {} } as const;
  log.api({ kind: "create", record: EDGE, content, source: "manual" });
  return log;
}

describe("API writes", () => {
  test("are versions of the same log, minted by the server, with their origin", () => {
    const log = withLamp();
    expect(log.head(LAMP)).toMatchObject({ seq: 1, outcome: "applied", origin: { channel: "api", callId: "call-1" } });
    expect(log.head(LAMP).version).toMatch(/-api\.9b7e4d21-000001$/);
  });

  test("create only what never was", () => {
    const log = withLamp();
    expect(() => log.api(create)).toThrow(expect.objectContaining({ kind: "already-exists" }));
    log.api({ ...target, kind: "delete", expected: "any" });
    expect(() => log.api(create)).toThrow(expect.objectContaining({ kind: "already-exists" }));
  });

  test("patch the keys that they name and leave the others", () => {
    const log = withLamp();
    const body = { kind: "patch", set: { on: true, level: 3 }, remove: ["name"] } as const;
    log.api({ ...target, kind: "update", expected: log.head(LAMP).version, body, ends: undefined, source: undefined });
    expect(log.head(LAMP).content.body).toEqual({ on: true, level: 3 });
  });

  test("never give a relationship a property named as its ends are", () => {
    const log = withRoom();
    const body = { kind: "replace", body: { "@ends": 1 } } as const;
    const edge = { record: EDGE, recordKind: "relationship", ends: undefined, source: undefined } as const;
    expect(() => log.api({ ...edge, kind: "update", expected: "any", body })).toThrow(
      expect.objectContaining({ kind: "invalid", reason: "RESERVED_KEY" }),
    );
  });

  test("with a stale etag change nothing and name the current one", () => {
    const log = withLamp();
    const stale = { ...target, kind: "delete", expected: "2026-01-01T00:00:00.000Z-x-001" as VersionId } as const;
    const error = expect.objectContaining({
      kind: "stale",
      details: { etag: log.head(LAMP).version },
    });
    expect(() => log.api(stale)).toThrow(error);
    expect(log.versions).toHaveLength(1);
  });

  test("find no deleted record, and no record of another kind", () => {
    const log = withLamp();
    const gone = expect.objectContaining({ kind: "not-found" });
    expect(() => log.api({ ...target, recordKind: "relationship", kind: "delete", expected: "any" })).toThrow(gone);
    log.api({ ...target, kind: "delete", expected: "any" });
    expect(() => log.api({ ...target, kind: "delete", expected: "any" })).toThrow(gone);
  });

  test("with a request id that was used get the first result again", () => {
    const log = withLamp();
    const remove = { ...target, kind: "delete", expected: "any" } as const;
    const first = log.api(remove, { requestId: "r1" });
    const again = log.api(remove, { requestId: "r1" });
    expect(again).toMatchObject({ replayed: true, cascaded: first.cascaded, head: { version: first.head.version } });
    expect(log.versions).toHaveLength(2);
    expect(() => log.api(remove, { requestId: "r1", fingerprint: "other" })).toThrow(
      expect.objectContaining({ kind: "invalid", reason: "REQUEST_ID_REUSED" }),
    );
  });

  test("with a request id are remembered for 24 hours, and then it is free again", () => {
    const log = withLamp();
    const day = 24 * 3_600_000_000;
    const update = (value: number) => {
      const body = { kind: "patch", set: { value }, remove: [] } as const;
      const action = { ...target, kind: "update", expected: "any", body, ends: undefined, source: undefined } as const;
      return log.api(action, { requestId: "r1", fingerprint: `set ${value}` });
    };
    update(1);
    log.nowUs += day - 3_000_000;
    expect(update(1)).toMatchObject({ replayed: true });
    expect(() => update(2)).toThrow(expect.objectContaining({ reason: "REQUEST_ID_REUSED" }));
    expect(update(2)).toMatchObject({ replayed: false });
    expect(update(2)).toMatchObject({ replayed: true });
    expect(log.head(LAMP).content.body).toMatchObject({ value: 2 });
  });

  test("as a trial answer what would be and store nothing", () => {
    const log = withLamp();
    const result = log.api({ ...target, kind: "delete", expected: "any" }, { dryRun: true });
    expect(result.head.deleted).toBe(true);
    expect(log.head(LAMP).deleted).toBe(false);
    expect(log.position.headSeq).toBe(1);
  });

  test("delete an entity with its relationships and restore both", () => {
    const log = withRoom();
    const removed = log.api({ ...target, kind: "delete", expected: "any" });
    expect(removed.cascaded).toEqual([EDGE]);
    expect(log.versions.at(-1)?.origin?.callId).toBe("call-1");
    const restored = log.api({ ...target, kind: "restore", expected: "any", version: undefined });
    expect(restored.cascaded).toEqual([EDGE]);
    expect(restored.head.content.body).toEqual({ name: "Lamp", on: false });
    expect(log.head(EDGE).deleted).toBe(false);
  });

  test("restore the content of an older version as a new one", () => {
    const log = withLamp();
    const first = log.head(LAMP).version;
    const body = { kind: "replace", body: { name: "Other" } } as const;
    log.api({ ...target, kind: "update", expected: "any", body, ends: undefined, source: undefined });
    const { head } = log.api({ ...target, kind: "restore", expected: "any", version: first });
    expect(head.content.body).toEqual({ name: "Lamp", on: false });
    expect(head.seq).toBe(3);
    expect(() => log.api({ ...target, kind: "restore", expected: "any", version: undefined })).toThrow(
      expect.objectContaining({ reason: "NOT_DELETED" }),
    );
  });

  test.each([
    ["dead", { type: "located_in", from: LAMP, to: ROOM }, "ENDPOINT_DELETED"],
    ["unknown", { type: "located_in", from: LAMP, to: recordId(77) as RecordId }, "ENDPOINT_UNKNOWN"],
    ["forbidden", { type: "located_in", from: ROOM, to: LAMP }, "FORBIDDEN_ENDPOINTS"],
    ["cyclic", { type: "part_of", from: LAMP, to: LAMP }, "CYCLIC_RELATIONSHIP"],
  ] as const)("refuse a relationship with %s ends at once", (_what, ends, reason) => {
    const log = withRoom();
    log.api({ record: ROOM, recordKind: "entity", kind: "delete", expected: "any" });
    const content = { kind: "relationship", ...ends, body: {} } as const;
    expect(() => log.api({ kind: "create", record: recordId(8) as RecordId, content, source: "manual" })).toThrow(
      expect.objectContaining({ reason }),
    );
  });

  test("win over what a device claims to have done in the future", () => {
    const log = withLamp();
    const phone = new TestDevice("phone");
    const edit = phone.edit(LAMP, { name: "mine" }, { parents: [log.head(LAMP).version], atUs: log.nowUs + 9e11 });
    expect(outcomesOf(log.push([edit], { receivedUs: log.nowUs }))).toEqual(["applied"]);
    expect(log.head(LAMP).effectiveUs).toBeLessThanOrEqual(log.nowUs);
  });
});
