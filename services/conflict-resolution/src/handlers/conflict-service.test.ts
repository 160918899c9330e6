import { ConflictDecision, ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { DomainError } from "@funkygibbon/kernel/errors";
import { must } from "@funkygibbon/kernel/must";
import { describe, expect, it } from "vitest";
import { buildConflictFile, CONFLICT_ID } from "../../test/build-conflict.ts";
import { buildVersion } from "../../test/build-version.ts";
import { startInbox } from "../../test/inbox-system.ts";

const base = buildVersion({ device: "panel", at: 0, body: { brightness: 50 } });
const local = buildVersion({ device: "ada-phone", at: 20, body: { brightness: 70 }, parents: [base] });
const server = buildVersion({ device: "bob-phone", at: 10, body: { brightness: 30 }, parents: [base] });
const OTHER_ID = CONFLICT_ID.replace(/.$/, "2");
const { ACCEPT_LOCAL, ACCEPT_SERVER, MANUAL, MERGE, UNSPECIFIED } = ResolutionStrategy;

const owner = { token: "owner" };
const member = { token: "member" };
const guest = { token: "guest" };
const settleLocal = { id: CONFLICT_ID, etag: "1", decision: { case: "strategy", value: ACCEPT_LOCAL } } as const;

async function inboxWithOneConflict() {
  const system = await startInbox();
  const file = buildConflictFile({ local, server, base, head: server });
  system.store.files.set(CONFLICT_ID, file);
  return { ...system, file };
}

async function errorOf(work: Promise<unknown>): Promise<DomainError> {
  return work.then(
    () => {
      throw new Error("expected it to fail");
    },
    (error) => error,
  );
}

describe("listing conflicts", () => {
  it("passes the question and the caller's own credential on to the store", async () => {
    await using system = await inboxWithOneConflict();
    const page = await system.inbox.listConflicts({ state: ConflictState.OPEN, pageSize: 1 }, guest);
    expect(page.conflicts.map(({ id }) => id)).toEqual([CONFLICT_ID]);
    expect(page.nextPageToken).toBe("more");
    expect(system.store.callers[0]).toMatchObject({ token: "guest", actor: undefined });
    const settled = await system.inbox.listConflicts({ state: ConflictState.SETTLED }, guest);
    expect(settled.conflicts).toEqual([]);
  });

  it("is for users only, and for known states", async () => {
    await using system = await inboxWithOneConflict();
    expect((await errorOf(system.inbox.listConflicts({}))).kind).toBe("unauthenticated");
    expect(await errorOf(system.inbox.listConflicts({ state: 9 as ConflictState }, member))).toMatchObject({
      kind: "invalid",
      fields: [{ field: "state" }],
    });
  });
});

describe("looking at one conflict", () => {
  it("shows it in three columns with the versions that it is about", async () => {
    await using system = await inboxWithOneConflict();
    const shown = await system.inbox.getConflict({ id: CONFLICT_ID.toUpperCase() }, guest);
    expect(shown.fields).toMatchObject([
      {
        values: { field: "brightness", localJson: "70", serverJson: "30", baseJson: "50", rule: "manual" },
        equal: false,
        explanation: "Both sides changed it. It waits for a person.",
      },
    ]);
    expect([shown.local, shown.server, shown.base, shown.head].map((version) => version?.version)).toEqual(
      [local, server, base, server].map(({ version }) => version),
    );
  });

  it("tells apart an id that is none and one that is not there", async () => {
    await using system = await inboxWithOneConflict();
    expect(await errorOf(system.inbox.getConflict({ id: "c1" }, member))).toMatchObject({
      kind: "invalid",
      fields: [{ field: "id" }],
    });
    expect((await errorOf(system.inbox.getConflict({ id: OTHER_ID }, member))).kind).toBe("not-found");
  });

  it("previews each strategy and settles nothing", async () => {
    await using system = await inboxWithOneConflict();
    const preview = (strategy: ResolutionStrategy) =>
      system.inbox.previewConflict({ id: CONFLICT_ID, strategy }, guest).then(({ bodyJson }) => bodyJson);
    expect(await Promise.all([ACCEPT_LOCAL, ACCEPT_SERVER, MERGE].map(preview))).toEqual([
      '{"brightness":70}',
      '{"brightness":30}',
      '{"brightness":70}',
    ]);
    expect(system.store.settlements).toEqual([]);
    for (const strategy of [MANUAL, UNSPECIFIED]) {
      expect(await errorOf(preview(strategy))).toMatchObject({ kind: "invalid", fields: [{ field: "strategy" }] });
    }
  });
});

describe("settling a conflict", () => {
  it("hands the store a decision about the head as it is, for the user who decides", async () => {
    await using system = await inboxWithOneConflict();
    const requestId = "0192F3B0-7C4E-7A10-8F2D-1C5A9B7E4D22";
    const settled = await system.inbox.settleConflict({ ...settleLocal, requestId }, member);
    expect(settled.conflict?.decision).toBe(ConflictDecision.TOOK_LOCAL);
    expect(system.store.settlements).toMatchObject([
      {
        id: CONFLICT_ID,
        etag: "1",
        headVersion: server.version,
        decision: "took_local",
        content: { bodyJson: '{"brightness":70}', deleted: false },
        request: { id: requestId.toLowerCase(), fingerprint: expect.stringMatching(/^[\w-]{43}$/) },
      },
    ]);
    expect(system.store.callers.every(({ token }) => token === "member")).toBe(true);
  });

  it("passes on the door that a service names, and the wish to store nothing; what users say of doors counts for nothing", async () => {
    await using system = await inboxWithOneConflict();
    const origin = { channel: "mcp", clientName: "Helper", tool: "settle_conflict", callId: "call-1" };
    await system.inbox.settleConflict({ ...settleLocal, origin, validateOnly: true }, member);
    await system.inboxAsService.settleConflict({ ...settleLocal, origin, validateOnly: true }, { actor: "member" });
    expect(system.store.settlements).toMatchObject([
      { origin: undefined, dryRun: true, request: undefined },
      { origin, dryRun: true, request: undefined },
    ]);
    const nowhere = { ...origin, channel: "telnet" };
    const call = system.inboxAsService.settleConflict({ ...settleLocal, origin: nowhere }, { actor: "member" });
    expect(await errorOf(call)).toMatchObject({ kind: "invalid", fields: [{ field: "origin.channel" }] });
  });

  it("takes a body of the person's own", async () => {
    await using system = await inboxWithOneConflict();
    const decision = { case: "editedBodyJson", value: '{ "brightness": 55 }' } as const;
    const settled = await system.inbox.settleConflict({ id: CONFLICT_ID, etag: "1", decision }, member);
    expect(settled.conflict?.decision).toBe(ConflictDecision.EDITED);
    expect(system.store.settlements[0]?.content?.bodyJson).toBe('{"brightness":55}');
  });

  it("lets only the first of two people settle it, and tells the other the current etag", async () => {
    await using system = await inboxWithOneConflict();
    await system.inbox.settleConflict(settleLocal, member);
    expect(await errorOf(system.inbox.settleConflict(settleLocal, owner))).toMatchObject({
      kind: "stale",
      details: { etag: "2" },
    });
  });

  it("leaves a choice about a conflict as it no longer is to the store, which may have answered it before", async () => {
    await using system = await inboxWithOneConflict();
    const conflict = { ...system.file.conflict, decision: "took_local", etag: "2" } as const;
    const head = buildVersion({ device: "panel", at: 40, body: null, parents: [server] });
    system.store.files.set(CONFLICT_ID, { ...system.file, conflict, head });
    expect(await errorOf(system.inbox.settleConflict(settleLocal, member))).toMatchObject({ kind: "stale" });
    expect(system.store.settlements).toMatchObject([{ etag: "1", content: undefined }]);
  });

  it("works the choice out again when only the head has moved meanwhile", async () => {
    await using system = await inboxWithOneConflict();
    const head = buildVersion({ device: "panel", at: 40, body: { brightness: 30, note: "new" }, parents: [server] });
    system.store.beforeSettle = (attempt) => {
      if (attempt === 1) system.store.files.set(CONFLICT_ID, { ...system.file, head });
    };
    await system.inbox.settleConflict(settleLocal, member);
    expect(system.store.settlements.map(({ headVersion }) => headVersion)).toEqual([server.version, head.version]);
    expect(system.store.settlements[1]?.content?.bodyJson).toBe('{"brightness":70,"note":"new"}');
  });

  it("gives up after five rounds against a head that never rests", async () => {
    await using system = await inboxWithOneConflict();
    system.store.beforeSettle = (attempt) => {
      const head = buildVersion({
        device: "panel",
        at: 40 + attempt,
        body: { brightness: attempt },
        parents: [server],
      });
      system.store.files.set(CONFLICT_ID, { ...system.file, head });
    };
    expect((await errorOf(system.inbox.settleConflict(settleLocal, member))).kind).toBe("stale");
    expect(system.store.settlements).toHaveLength(5);
  });

  it("is not for guests", async () => {
    await using system = await inboxWithOneConflict();
    expect((await errorOf(system.inbox.settleConflict(settleLocal, guest))).kind).toBe("permission-denied");
    expect(system.store.callers).toEqual([]);
  });

  it.each([
    ["etag", { ...settleLocal, etag: "" }, "INVALID_FIELD"],
    ["decision", { id: CONFLICT_ID, etag: "1" }, "INVALID_FIELD"],
    ["strategy", { ...settleLocal, decision: { case: "strategy", value: MANUAL } }, "INVALID_FIELD"],
    ["request_id", { ...settleLocal, requestId: "again" }, "INVALID_FIELD"],
    ["edited_body_json", edited("[1]"), "NOT_AN_OBJECT"],
    ["edited_body_json", edited('{"a":1,"a":2}'), "DUPLICATE_KEY"],
    ["edited_body_json", edited('{"a":NaN}'), "INVALID_JSON"],
    ["edited_body_json", edited('{"a":1e999}'), "NUMBER_PRECISION"],
    ["edited_body_json", edited('{"a":"\\ud800"}'), "LONE_SURROGATE"],
    ["edited_body_json", edited(`{"a":${"[".repeat(40)}${"]".repeat(40)}}`), "TOO_DEEP"],
    ["edited_body_json", edited(`{"a":"${"x".repeat(70_000)}"}`), "BODY_TOO_LARGE"],
  ] as const)("refuses a wrong %s and changes nothing: %#", async (field, request, reason) => {
    await using system = await inboxWithOneConflict();
    expect(await errorOf(system.inbox.settleConflict(request, member))).toMatchObject({
      kind: "invalid",
      reason,
      fields: [{ field }],
    });
    expect(system.store.settlements).toEqual([]);
  });
});

function edited(json: string) {
  return { id: CONFLICT_ID, etag: "1", decision: { case: "editedBodyJson", value: json } } as const;
}

describe("settling several conflicts", () => {
  it("answers for each by itself", async () => {
    await using system = await inboxWithOneConflict();
    const conflicts = [
      { id: CONFLICT_ID, etag: "1" },
      { id: OTHER_ID, etag: "1" },
    ];
    const { results } = await system.inbox.settleConflicts({ conflicts, strategy: ACCEPT_LOCAL }, member);
    expect(results).toMatchObject([
      { id: CONFLICT_ID, conflict: { decision: ConflictDecision.TOOK_LOCAL }, failureReason: "" },
      { id: OTHER_ID, failureReason: "NOT_FOUND" },
    ]);
    const again = await system.inbox.settleConflicts({ conflicts, strategy: ACCEPT_LOCAL }, member);
    expect(again.results.map(({ failureReason }) => failureReason)).toEqual(["STALE", "NOT_FOUND"]);
  });

  it("refuses none, too many, the same one twice, and ids or etags that are none", async () => {
    await using system = await inboxWithOneConflict();
    const fieldsOf = async (conflicts: { id: string; etag: string }[]) => {
      const error = await errorOf(system.inbox.settleConflicts({ conflicts, strategy: MERGE }, member));
      return error.fields.map(({ field }) => field);
    };
    const one = { id: CONFLICT_ID, etag: "1" };
    expect(await fieldsOf([])).toEqual(["conflicts"]);
    expect(await fieldsOf(Array.from({ length: 101 }, () => one))).toEqual(["conflicts"]);
    expect(await fieldsOf([one, { ...one, etag: "" }])).toEqual(["conflicts[1].id", "conflicts[1].etag"]);
    expect(await fieldsOf([one, { id: "x", etag: "1" }])).toEqual(["conflicts[1].id"]);
  });
});

describe("policies", () => {
  it("are complete from the start and change with what owners set", async () => {
    await using system = await inboxWithOneConflict();
    const before = await system.inbox.listPolicies({}, guest);
    expect(before.policies).toHaveLength(15);
    expect(before.policies.every(({ strategy }) => strategy === MERGE)).toBe(true);
    const wanted = { entityType: EntityType.NOTE, strategy: MANUAL, fieldRules: { tags: "set-merge" } };
    const { policy } = await system.inbox.setPolicy({ policy: wanted }, owner);
    expect(policy).toMatchObject({ entityType: EntityType.NOTE, strategy: MANUAL });
    expect(policy?.fieldRules).toMatchObject({ tags: "set-merge", name: "longer" });
    const after = await system.inbox.listPolicies({}, guest);
    const note = must(
      after.policies.find(({ entityType }) => entityType === EntityType.NOTE),
      "there is one for each type",
    );
    expect(note).toEqual(policy);
  });

  it("are set by owners only", async () => {
    await using system = await inboxWithOneConflict();
    for (const caller of [guest, member]) {
      const error = await errorOf(system.inbox.setPolicy({ policy: { strategy: MERGE } }, caller));
      expect(error).toMatchObject({ kind: "permission-denied", reason: "OWNERS_ONLY" });
    }
  });

  it.each([
    ["policy", {}],
    ["policy.entity_type", { policy: { entityType: 99 as EntityType } }],
    ["policy.strategy", { policy: { strategy: 99 as ResolutionStrategy } }],
    ['policy.field_rules["tags"]', { policy: { fieldRules: { tags: "vote" } } }],
    ['policy.field_rules[""]', { policy: { fieldRules: { "": "longer" } } }],
  ])("with a wrong %s are refused", async (field, request) => {
    await using system = await inboxWithOneConflict();
    expect(await errorOf(system.inbox.setPolicy(request, owner))).toMatchObject({
      kind: "invalid",
      fields: [{ field }],
    });
    expect(system.store.policies).toEqual([]);
  });
});
