import { hash } from "node:crypto";
import { ConflictDecision, ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { parseDeviceId, parseEpoch, parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { formatVersion, type VersionId } from "@funkygibbon/kernel/version";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, type RunningStore, startStore } from "../../../test/running-store.ts";
import { smallHome } from "../../../test/small-home.ts";
import { prepareChange } from "../../domain/prepare-change.ts";

const uuid = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";
const phone = parseDeviceId("phone");

let store: RunningStore;
let sequence = 0;

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store?.[Symbol.asyncDispose]());

/** Two edits of one lamp that nobody could merge: the phone's waits for a person, the API's is the head. */
async function openConflict(home = smallHome(store)) {
  const { entity: base } = await store.entities.createEntity(
    { type: EntityType.DEVICE, bodyJson: '{"name":"Lamp"}' },
    home.as,
  );
  const record = base?.id ?? "";
  const { entity: head } = await store.entities.updateEntity(
    { id: record, etag: "*", bodyJson: '{"name":"Server"}' },
    home.as,
  );
  const now = systemClock.now();
  const version = formatVersion(now, phone, ++sequence);
  const change = prepareChange(
    {
      recordId: record,
      version,
      parents: [base?.version ?? ""],
      content: { kind: "entity", type: "device", source: "manual", bodyJson: '{"name":"Phone"}' },
      deleted: false,
      claimedUs: 0,
      checksum: "",
      wish: undefined,
      changedKeys: [],
      deferredSinceUs: 0,
      heal: undefined,
    },
    { device: phone, sha256: (text) => hash("sha256", text, "hex") },
  );
  const [household] = await store.database.sql<{ epoch: string }>(
    "select epoch from households where household_id = $1",
    [home.name],
  );
  const field = {
    field: "name",
    localJson: '"Phone"',
    serverJson: '"Server"',
    baseJson: '"Lamp"',
    decidedJson: undefined,
    rule: "manual",
  };
  const conflict = { type: "content_conflict", strategy: "manual", decision: "open", fields: [field] } as const;
  const push = {
    kind: "push",
    household: parseHouseholdId(home.name),
    user: parseUserId("ada"),
    receivedUs: now,
    epoch: parseEpoch(household?.epoch ?? ""),
    device: phone,
    clockOffsetUs: 0,
    notBeforeUs: 0,
    changes: [change],
    resolutions: [],
  } as const;
  const [divergence] = (await store.commits.commit(push)).divergences;
  const { local, localTimes, server } = must(divergence, "the edit has diverged");
  const sides = { record: local.record, localVersion: local.version, localTimes, serverVersion: server.version };
  const result = await store.commits.commit({
    ...push,
    resolutions: [{ ...sides, decision: { kind: "pending" }, conflict }],
  });
  const [row] = result.conflicts;
  if (row === undefined) throw new Error(`no conflict was opened: ${JSON.stringify(result.outcomes)}`);
  return {
    home,
    record,
    id: row.id,
    etag: row.etag,
    local: version,
    head: head?.version as VersionId,
    base: base?.version,
  };
}

describe("ConflictStoreService", () => {
  it("shows an open conflict with the versions that it is about", async () => {
    const { home, id, record, local, head, base } = await openConflict();
    const file = await store.conflicts.getConflict({ id }, home.as);
    expect(file.conflict).toMatchObject({
      id,
      recordId: record,
      decision: ConflictDecision.OPEN,
      localAuthor: "ada",
      localDeviceId: "phone",
    });
    expect(file.conflict?.fields).toMatchObject([{ field: "name", localJson: '"Phone"', serverJson: '"Server"' }]);
    expect([file.local?.version, file.server?.version, file.base?.version, file.head?.version]).toEqual([
      local,
      head,
      base,
      head,
    ]);
    expect(file.policy).toBeUndefined();
    expect((await store.graph.getStatistics({}, home.as)).openConflicts).toBe(1n);
  });

  it("lists newest first, by state, record and device, in pages", async () => {
    const home = smallHome(store);
    const [older, newer] = [await openConflict(home), await openConflict(home)];
    const list = async (request: object) =>
      (await store.conflicts.listConflicts(request, home.as)).conflicts.map((conflict) => conflict.id);
    expect(await list({})).toEqual([newer.id, older.id]);
    expect(await list({ state: ConflictState.OPEN, recordId: older.record })).toEqual([older.id]);
    expect(await list({ state: ConflictState.SETTLED })).toEqual([]);
    expect(await list({ deviceId: "phone" })).toHaveLength(2);
    expect(await list({ deviceId: "panel" })).toEqual([]);
    const first = await store.conflicts.listConflicts({ pageSize: 1 }, home.as);
    expect(await list({ pageSize: 1, pageToken: first.nextPageToken })).toEqual([older.id]);
    const foreign = store.conflicts.listConflicts({ pageToken: first.nextPageToken }, smallHome(store).as);
    expect(await failure(foreign)).toMatchObject({ fields: ["page_token"] });
  });

  it("settles by a version with both sides as parents, once", async () => {
    const { home, id, etag, record, local, head } = await openConflict();
    const request = {
      id,
      etag,
      headVersion: head,
      decision: ConflictDecision.EDITED,
      content: { bodyJson: '{"name":"Both"}' },
      requestId: uuid,
    };
    const settled = await store.conflicts.settleConflict(request, home.as);
    expect(settled.conflict).toMatchObject({ decision: ConflictDecision.EDITED, settledBy: `${home.name}.member` });
    expect([...(settled.head?.parentVersions ?? [])].sort()).toEqual([local, head].sort());
    expect((await store.entities.getEntity({ id: record }, home.as)).entity?.name).toBe("Both");
    expect((await store.conflicts.settleConflict(request, home.as)).conflict?.etag).toBe(settled.conflict?.etag);
    const again = await failure(store.conflicts.settleConflict({ ...request, requestId: "" }, home.as));
    expect(again).toMatchObject({ kind: "stale", details: { etag: settled.conflict?.etag } });
    expect((await store.graph.checkIntegrity({}, home.as)).faults).toEqual([]);
  });

  it("says in history through which door the person came in, and tries without a trace", async () => {
    const { home, id, etag, record, head } = await openConflict();
    const origin = { channel: "mcp", clientName: "Helper", tool: "settle_conflict", callId: "call-1" };
    const content = { bodyJson: '{"name":"Both"}' };
    const request = { id, etag, headVersion: head, decision: ConflictDecision.EDITED, content, origin };
    const tried = await store.conflicts.settleConflict({ ...request, requestId: uuid, validateOnly: true }, home.as);
    expect(tried.head?.content.value).toMatchObject(content);
    const { conflict } = await store.conflicts.getConflict({ id }, home.as);
    expect(conflict).toMatchObject({ etag, decision: ConflictDecision.OPEN });
    await store.conflicts.settleConflict(request, home.as);
    const { entries } = await store.entities.getEntityHistory({ id: record, pageSize: 1 }, home.as);
    expect(entries[0]?.version).toMatchObject({ author: `${home.name}.member`, origin });
  });

  it("keeps the head when a person says so, and refuses when the head has moved", async () => {
    const { home, id, etag, head, record } = await openConflict();
    const keep = { id, etag, headVersion: head, decision: ConflictDecision.KEPT_SERVER };
    const { entity } = await store.entities.updateEntity(
      { id: record, etag: "*", bodyJson: '{"name":"Moved"}' },
      home.as,
    );
    const moved = await failure(store.conflicts.settleConflict(keep, home.as));
    expect(moved).toMatchObject({ kind: "stale", details: { etag: entity?.version } });
    const settled = await store.conflicts.settleConflict({ ...keep, headVersion: entity?.version ?? "" }, home.as);
    expect(settled.conflict?.decision).toBe(ConflictDecision.KEPT_SERVER);
    expect(settled.head?.version).toBe(entity?.version);
  });

  it("answers NOT_FOUND alike for strangers, and refuses guests and callers without a service credential", async () => {
    const { home, id, etag, head } = await openConflict();
    const stranger = smallHome(store);
    const missing = await failure(store.conflicts.getConflict({ id: uuid }, stranger.as));
    expect(await failure(store.conflicts.getConflict({ id }, stranger.as))).toEqual({ ...missing, details: { id } });
    const request = { id, etag, headVersion: head, decision: ConflictDecision.KEPT_SERVER };
    await store.entities.createEntity({ type: EntityType.NOTE }, stranger.as);
    expect(await failure(store.conflicts.settleConflict(request, stranger.as))).toMatchObject({ kind: "not-found" });
    expect(await failure(store.conflicts.settleConflict(request, home.guest))).toMatchObject({
      kind: "permission-denied",
    });
    expect(await failure(store.conflictsAsUser.listConflicts({}, home.as))).toMatchObject({
      kind: "permission-denied",
    });
  });

  it.each([
    ["id", { id: "x" }],
    ["etag", { etag: "" }],
    ["decision", { decision: ConflictDecision.OPEN }],
    ["head_version", { headVersion: "x" }],
    ["content", { decision: ConflictDecision.MERGED }],
    ["content", { content: { bodyJson: "{}" } }],
    ["content.body_json", { decision: ConflictDecision.EDITED, content: { bodyJson: "{" } }],
    ["request_id", { requestId: "x" }],
  ])("names the field %s of a settlement when it is wrong", async (field, wrong) => {
    const request = { id: uuid, etag: "1", decision: ConflictDecision.KEPT_SERVER, ...wrong };
    const call = store.conflicts.settleConflict(request, smallHome(store).as);
    expect(await failure(call)).toMatchObject({ kind: "invalid", fields: [field] });
  });
});

describe("policies", () => {
  it("are set by owners, read back by all, and found with the conflicts of their type", async () => {
    const { home, id } = await openConflict();
    const policy = {
      entityType: EntityType.DEVICE,
      strategy: ResolutionStrategy.MANUAL,
      fieldRules: { tags: "set-merge" },
    };
    await store.conflicts.setPolicy({ policy: { strategy: ResolutionStrategy.ACCEPT_SERVER } }, home.owner);
    expect((await store.conflicts.getConflict({ id }, home.as)).policy?.strategy).toBe(
      ResolutionStrategy.ACCEPT_SERVER,
    );
    expect((await store.conflicts.setPolicy({ policy }, home.owner)).policy).toMatchObject(policy);
    const { policies } = await store.conflicts.listPolicies({}, home.guest);
    expect(policies).toMatchObject([{ entityType: EntityType.UNSPECIFIED }, policy]);
    expect((await store.conflicts.getConflict({ id }, home.as)).policy).toMatchObject(policy);
    expect((await store.conflicts.listPolicies({}, smallHome(store).as)).policies).toEqual([]);
  });

  it("are not for members to set, and name what is wrong with them", async () => {
    const home = smallHome(store);
    const set = (policy: object | undefined, as = home.owner) =>
      failure(store.conflicts.setPolicy({ ...(policy && { policy }) }, as));
    expect(await set({}, home.as)).toMatchObject({ kind: "permission-denied", reason: "OWNERS_ONLY" });
    expect(await set(undefined)).toMatchObject({ fields: ["policy"] });
    expect(await set({ entityType: 99 })).toMatchObject({ fields: ["policy.entity_type"] });
    expect(await set({ strategy: 99 })).toMatchObject({ fields: ["policy.strategy"] });
    expect(await set({ fieldRules: { name: "coin-toss", "": "longer" } })).toMatchObject({
      fields: ['policy.field_rules["name"]', 'policy.field_rules[""]'],
    });
  });
});
