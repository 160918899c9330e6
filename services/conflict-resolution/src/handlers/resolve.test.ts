import { create } from "@bufbuild/protobuf";
import { ResolveRequestSchema } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import {
  DivergenceSchema,
  Side,
  type Divergence as WireDivergence,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { ConflictDecision, ConflictType } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
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

  it.each([
    ["divergences[1].server", (wire: WireDivergence) => ({ ...wire, server: undefined })],
    ["divergences[1].local.content", (wire: WireDivergence) => withBody(wire, "{nope")],
  ])("names %s when it is at fault", async (field, spoil) => {
    await using system = await startInbox();
    const spoilt = create(DivergenceSchema, spoil(divergenceToWire(divergence)) as WireDivergence);
    const error = await errorOf(system.resolver.resolve({ divergences: [divergenceToWire(divergence), spoilt] }));
    expect(error).toMatchObject({ kind: "invalid", fields: [{ field }] });
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

function withBody(wire: WireDivergence, bodyJson: string): WireDivergence {
  if (wire.local?.content.case === "entity") wire.local.content.value.bodyJson = bodyJson;
  return wire;
}
