import { create } from "@bufbuild/protobuf";
import { ResolveRequestSchema } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import {
  type DivergedVersion,
  DivergenceSchema,
  Side,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { type KeyStamps, KeyStampsSchema, StampSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ConflictDecision,
  ConflictPolicySchema,
  ConflictType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type {
  RelationshipContent,
  RelationshipType,
  SourceType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { DomainError } from "@funkygibbon/kernel/errors";
import type { CallContext } from "@funkygibbon/rpc/call";
import { divergenceToWire, resolutionToWire } from "@funkygibbon/wire/divergence";
import { describe, expect, it, vi } from "vitest";
import { buildDivergence, buildVersion } from "../../test/build-version.ts";
import { startInbox } from "../../test/inbox-system.ts";
import { resolveDivergence } from "../domain/resolve-divergence.ts";
import { resolveHandler } from "./resolve.ts";

const base = buildVersion({ device: "panel", at: 0, body: { brightness: 50 } });
const local = buildVersion({ device: "ada-phone", at: 20, body: { brightness: 70 }, parents: [base] });
const server = buildVersion({ device: "bob-phone", at: 10, body: { brightness: 30 }, parents: [base] });
const divergence = buildDivergence({ local, server, base });

async function errorOf(work: Promise<unknown>): Promise<DomainError> {
  return work.then(
    () => {
      throw new Error("expected it to fail");
    },
    (error) => error,
  );
}

describe("ResolverService.Resolve", () => {
  it("answers each divergence in the order of the request", async () => {
    await using system = await startInbox();
    const tombstone = buildVersion({ device: "hub", at: 5, body: null, parents: [base] });
    const deleted = buildDivergence({ local, server: tombstone, base });
    const { resolutions } = await system.resolver.resolve({
      divergences: [divergenceToWire(divergence), divergenceToWire(deleted)],
    });
    expect(resolutions.map(({ serverVersion }) => serverVersion)).toEqual([server.version, tombstone.version]);
    expect(resolutions).toMatchObject([
      {
        localVersion: local.version,
        decision: { case: "merged", value: { bodyJson: '{"brightness":70}', ends: Side.SERVER } },
        conflict: { type: ConflictType.CONTENT_CONFLICT, decision: ConflictDecision.MERGED },
      },
      { decision: { case: "keepHead" }, conflict: { type: ConflictType.DELETE_UPDATE } },
    ]);
  });

  it("says over the wire what the domain says", async () => {
    await using system = await startInbox();
    const { resolutions } = await system.resolver.resolve({ divergences: [divergenceToWire(divergence)] });
    expect(resolutions).toEqual([resolutionToWire(resolveDivergence(divergence))]);
  });

  it("is not for users: it demands a service credential", async () => {
    await using system = await startInbox();
    expect((await errorOf(system.stranger.resolve({}, { token: "owner" }))).kind).toBe("permission-denied");
    expect((await errorOf(system.stranger.resolve({}))).kind).toBe("unauthenticated");
  });

  it("answers an empty batch", async () => {
    await using system = await startInbox();
    expect((await system.resolver.resolve({})).resolutions).toEqual([]);
  });

  it("refuses more than a push can hold", async () => {
    await using system = await startInbox();
    const divergences = Array.from({ length: 1_001 }, () => create(DivergenceSchema));
    expect(await errorOf(system.resolver.resolve({ divergences }))).toMatchObject({
      kind: "invalid",
      reason: "TOO_MANY",
    });
  });

  it.each<[field: string, reason: string, spoil: (wire: WholeDivergence) => void]>([
    ["record_id", "INVALID_FIELD", (wire) => Object.assign(wire, { recordId: "" })],
    ["local", "INVALID_FIELD", (wire) => Object.assign(wire, { local: undefined })],
    ["server", "INVALID_FIELD", (wire) => Object.assign(wire, { server: undefined })],
    ["wish", "UNKNOWN_VALUE", (wire) => Object.assign(wire, { wish: 99 })],
    ["policy.strategy", "INVALID_POLICY", (wire) => Object.assign(wire, { policy: policyWith({ strategy: 99 }) })],
    ["policy.entity_type", "INVALID_POLICY", (wire) => Object.assign(wire, { policy: policyWith({ entityType: 99 }) })],
    ["local.version", "INVALID_FIELD", ({ local }) => Object.assign(local, { version: "" })],
    ["server.version", "INVALID_FIELD", ({ server }) => Object.assign(server, { version: "" })],
    ["base.version", "INVALID_FIELD", ({ base }) => Object.assign(base, { version: "" })],
    ["local.content", "INVALID_FIELD", ({ local }) => Object.assign(local, { content: { case: undefined } })],
    ["local.entity.type", "UNKNOWN_VALUE", ({ local }) => Object.assign(local.content.value, { type: 99 })],
    ["base.entity.type", "UNKNOWN_VALUE", ({ base }) => Object.assign(base.content.value, { type: 0 })],
    ["server.entity.source", "UNKNOWN_VALUE", ({ server }) => Object.assign(server.content.value, { source: 99 })],
    ["server.entity.body_json", "INVALID_JSON", ({ server }) => Object.assign(server.content.value, { bodyJson: "" })],
    ["local.entity.body_json", "INVALID_FIELD", ({ local }) => Object.assign(local, { deleted: true })],
    ["local.entity.body_json", "INVALID_FIELD", ({ local }) => Object.assign(local, { bodyRemoved: true })],
    ["local.stamp", "MALFORMED_STAMP", ({ local }) => Object.assign(local, { stamp: undefined })],
    ["local.stamp.effective_us", "MALFORMED_STAMP", ({ local }) => Object.assign(local.stamp, { effectiveUs: -1n })],
    ["base.stamp.sequence", "MALFORMED_STAMP", ({ base }) => Object.assign(base.stamp, { sequence: 2n ** 62n })],
    ["server.stamp.device_id", "MALFORMED_STAMP", ({ server }) => Object.assign(server.stamp, { deviceId: "a phone" })],
    [
      "server.stamps[1].stamp",
      "MALFORMED_STAMP",
      ({ server }) => server.stamps.push(keyStamps({}), keyStamps(undefined)),
    ],
    [
      "local.stamps[0].stamp.device_id",
      "MALFORMED_STAMP",
      ({ local }) => local.stamps.push(keyStamps({ deviceId: "d".repeat(65) })),
    ],
  ])("names %s when it is at fault: %s", async (field, reason, spoil) => {
    await using system = await startInbox();
    const spoilt = divergenceToWire(divergence);
    spoil(spoilt as WholeDivergence);
    const divergences = [divergenceToWire(divergence), spoilt];
    expect(await errorOf(system.resolver.resolve({ divergences }))).toMatchObject({
      kind: "invalid",
      reason,
      fields: [{ field: `divergences[1].${field}`, description: expect.stringMatching(/\S/) }],
    });
    expect((await system.resolver.resolve({ divergences: divergences.slice(0, 1) })).resolutions).toHaveLength(1);
  });

  it.each<[field: string, reason: string, edge: Partial<RelationshipContent>]>([
    ["type", "UNKNOWN_VALUE", { type: 99 as RelationshipType }],
    ["from_id", "INVALID_FIELD", { fromId: "kitchen" }],
    ["to_id", "INVALID_FIELD", { toId: "" }],
    ["source", "UNKNOWN_VALUE", { source: 99 as SourceType }],
    ["properties_json", "DUPLICATE_KEY", { propertiesJson: '{"a":1,"a":2}' }],
  ])("names %s of an edge when it is at fault: %s", async (field, reason, spoil) => {
    await using system = await startInbox();
    const edge = (device: string) =>
      buildVersion({ device, at: 1, body: {}, ends: { type: "located_in", from: 1, to: 2 } });
    const wire = divergenceToWire(buildDivergence({ local: edge("a"), server: edge("b"), base: undefined }));
    Object.assign(wire.local?.content.value ?? {}, spoil);
    expect(await errorOf(system.resolver.resolve({ divergences: [wire] }))).toMatchObject({
      kind: "invalid",
      reason,
      fields: [{ field: `divergences[0].local.relationship.${field}` }],
    });
  });

  it("takes rules of a policy that a newer release may have stored as if they were not there", async () => {
    await using system = await startInbox();
    const policy = policyWith({ fieldRules: { brightness: "coin-toss" } });
    const { resolutions } = await system.resolver.resolve({
      divergences: [Object.assign(divergenceToWire(divergence), { policy })],
    });
    expect(resolutions[0]?.conflict?.fields).toMatchObject([{ field: "brightness", rule: "last-write-wins" }]);
  });

  it("gives way to others while it decides a large batch", async () => {
    const long = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, "x".repeat(90)]));
    const side = (device: string, at: number, brightness: number) =>
      buildVersion({ device, at, body: { ...long, brightness }, parents: [base] });
    const wire = divergenceToWire(buildDivergence({ local: side("a", 2, 70), server: side("b", 1, 30), base }));
    const request = create(ResolveRequestSchema, { divergences: Array.from({ length: 1_000 }, () => wire) });
    let decided = false;
    let turns = 0;
    const takeTurns = () => {
      turns += 1;
      if (!decided) setImmediate(takeTurns);
    };
    setImmediate(takeTurns);
    const call = { signal: new AbortController().signal } as CallContext;
    const { resolutions } = await resolveHandler(() => {})(request, call);
    decided = true;
    expect(resolutions).toHaveLength(1_000);
    expect(turns).toBeGreaterThan(2);
  });

  it("stops deciding when nobody waits for the answer any more", async () => {
    const request = create(ResolveRequestSchema, {
      divergences: Array.from({ length: 1_000 }, () => divergenceToWire(divergence)),
    });
    const listener = vi.fn();
    const call = { signal: AbortSignal.abort(new Error("gone")) } as CallContext;
    await expect(resolveHandler(listener, { turnMs: 0 })(request, call)).rejects.toThrow("gone");
    expect(listener).not.toHaveBeenCalled();
  });
});

/** As {@link divergenceToWire} makes it of a divergence of entities with a base: nothing is missing. */
type WholeDivergence = {
  [Side in "local" | "server" | "base"]: DivergedVersion & { stamp: object; content: { value: object } };
};

function policyWith(parts: object) {
  return Object.assign(create(ConflictPolicySchema), parts);
}

function keyStamps(stamp: object | undefined): KeyStamps {
  const whole = stamp && create(StampSchema, { effectiveUs: 1n, deviceId: "phone", sequence: 1n, ...stamp });
  return create(KeyStampsSchema, { keys: ["brightness"], ...(whole && { stamp: whole }) });
}
