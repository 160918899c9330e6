import { openBrowserClient } from "@funkygibbon/client/browser-client";
import type { Client } from "@funkygibbon/client/client";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ConflictDecision,
  type ConflictRecord,
  ConflictType,
  ResolutionStrategy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { must } from "@funkygibbon/kernel/must";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { connectDevice, untilEqual } from "../support/node-device.ts";
import { QuarrellingDevices, type QuarrelOptions } from "../support/quarrel.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

const { ACCEPT_LOCAL, ACCEPT_SERVER, MANUAL, MERGE } = ResolutionStrategy;
const as = (household: TestHousehold, role: "owner" | "member" | "guest" = "owner") => ({
  token: household.tokens[role],
});
const inbox = () => system.clients.conflicts;
const byStrategy = (strategy: ResolutionStrategy) => ({ case: "strategy", value: strategy }) as const;

async function conflictsOf(household: TestHousehold, query: object = {}): Promise<ConflictRecord[]> {
  return (await inbox().listConflicts(query, as(household))).conflicts;
}

async function bodyOf(household: TestHousehold, id: string): Promise<unknown> {
  const { entity } = await system.clients.entities.getEntity({ id }, as(household));
  return JSON.parse(entity?.bodyJson ?? "");
}

/** Two devices that have quarrelled about one record, and the conflict that came of it. */
async function quarrelled(options: QuarrelOptions = { wish: MANUAL }) {
  const devices = await QuarrellingDevices.meet(system);
  const quarrel = await devices.quarrel(options);
  const [conflict] = await conflictsOf(devices.household);
  return {
    ...quarrel,
    household: devices.household,
    devices,
    conflict: must(conflict, "the edits contradict each other"),
    [Symbol.asyncDispose]: () => devices[Symbol.asyncDispose](),
  };
}

describe("a conflict", () => {
  it("is known to the device at once, as seen from its side", async () => {
    await using open = await quarrelled();
    expect(open.answer.outcomes).toMatchObject([{ outcome: Outcome.PENDING_REVIEW }]);
    expect(open.answer.conflicts).toMatchObject([
      {
        conflictId: open.conflict.id,
        recordId: open.local.recordId,
        conflictType: ConflictType.CONTENT_CONFLICT,
        localVersion: open.local.version,
        serverVersion: open.server.version,
        resolutionHint: MANUAL,
        decision: ConflictDecision.OPEN,
        details: [{ field: "brightness", localJson: "70", serverJson: "30", baseJson: "50", rule: "manual" }],
      },
    ]);

    await using decided = await quarrelled({});
    expect(decided.answer.conflicts).toMatchObject([
      {
        resolutionHint: MERGE,
        decision: ConflictDecision.MERGED,
        localVersion: decided.local.version,
        details: [{ localJson: "70", serverJson: "30", decidedJson: "70", rule: "last-write-wins" }],
      },
    ]);
  });

  it("is on record with both sides, their ancestor, who made them and where, and what decided", async () => {
    await using it = await quarrelled({});
    expect(it.conflict).toMatchObject({
      recordId: it.local.recordId,
      type: ConflictType.CONTENT_CONFLICT,
      strategy: MERGE,
      decision: ConflictDecision.MERGED,
      localVersion: it.local.version,
      serverVersion: it.server.version,
      baseVersion: it.base.version,
      localAuthor: "ada",
      localDeviceId: "phone-of-ada",
      serverAuthor: "ben",
      serverDeviceId: "panel-of-ben",
      settledBy: "",
      fields: [
        {
          field: "brightness",
          localJson: "70",
          serverJson: "30",
          baseJson: "50",
          decidedJson: "70",
          rule: "last-write-wins",
        },
      ],
    });
    const { entity } = await system.clients.entities.getEntity({ id: it.local.recordId }, as(it.household));
    expect(it.conflict.resolvedVersion).toBe(entity?.version);
  });

  it("is explained key by key in three columns, with the versions that it is about", async () => {
    const before = { name: "Lamp", brightness: 50, color: "red", capabilities: ["on_off"] };
    await using it = await quarrelled({
      before,
      panel: { name: "Lamp", brightness: 30, capabilities: ["on_off", "color"] },
      phone: { ...before, brightness: 70, capabilities: ["on_off", "dim"], note: "new" },
    });
    const shown = await inbox().getConflict({ id: it.conflict.id }, as(it.household, "guest"));
    expect(shown.fields.map(({ values, explanation }) => [values?.field, values?.decidedJson, explanation])).toEqual([
      [
        "brightness",
        "70",
        expect.stringMatching(/^Both sides changed it\. The later edit stands: ada on phone-of-ada at 20/),
      ],
      [
        "capabilities",
        '["color","dim","on_off"]',
        "Both sides changed it. It is a set: what either side added is in, what either side removed is out.",
      ],
      ["color", undefined, "Only the other side removed it."],
      ["name", '"Lamp"', "Nobody disagrees about it."],
      ["note", '"new"', "Only the device changed it."],
    ]);
    expect([shown.local?.version, shown.server?.version, shown.base?.version]).toEqual([
      it.local.version,
      it.server.version,
      it.base.version,
    ]);
    expect(shown.head?.version).toBe(it.conflict.resolvedVersion);
  });
});

describe("events", () => {
  it("tell devices and consoles live when a conflict is opened and when it is settled, by stream and by subscription", async () => {
    const devices = await QuarrellingDevices.meet(system);
    await using _devices = devices;
    const { household } = devices;
    const token = household.tokens.guest;
    await using watch = await connectDevice(system, { deviceId: "gus-watch", token });
    await using console_ = await openBrowserClient({
      url: system.urls.syncCoordinator,
      deviceId: "console",
      token: () => token,
    });
    console_.connect();
    await untilEqual(watch, console_);
    const heard = [watch, console_].map((client: Client) => {
      const decisions: (ConflictDecision | undefined)[] = [];
      client.onConflict((conflict) => decisions.push(conflict?.decision));
      return decisions;
    });

    await devices.quarrel({ wish: MANUAL });
    await expect.poll(() => heard).toEqual([[ConflictDecision.OPEN], [ConflictDecision.OPEN]]);
    // Whoever made the edit, and whoever made the other one, hears of it too.
    const opened = await Promise.all([devices.phone, devices.panel].map((device) => device.frame("conflictChanged")));
    const [conflict] = await conflictsOf(household);
    for (const frame of opened) expect(frame.conflict).toEqual(conflict);

    const { id, etag } = must(conflict, "it is open");
    await inbox().settleConflict({ id, etag, decision: byStrategy(ACCEPT_LOCAL) }, as(household, "member"));
    const both = [ConflictDecision.OPEN, ConflictDecision.TOOK_LOCAL];
    await expect.poll(() => heard).toEqual([both, both]);
  });
});

describe("the list", () => {
  it("is newest first, by state, record and device, in pages", async () => {
    const devices = await QuarrellingDevices.meet(system);
    await using _devices = devices;
    const { household } = devices;
    const records: string[] = [];
    for (const wish of [MANUAL, MERGE, MANUAL, MERGE, MANUAL]) {
      records.unshift((await devices.quarrel({ wish })).local.recordId);
    }
    const list = async (query: object) => (await conflictsOf(household, query)).map(({ recordId }) => recordId);
    expect(await list({})).toEqual(records);
    expect(await list({ state: ConflictState.OPEN })).toEqual([records[0], records[2], records[4]]);
    expect(await list({ state: ConflictState.SETTLED })).toEqual([records[1], records[3]]);
    expect(await list({ recordId: records[1] })).toEqual([records[1]]);
    expect(await list({ deviceId: "panel-of-ben" })).toEqual(records);
    expect(await list({ deviceId: "somebody-else" })).toEqual([]);

    const paged: string[] = [];
    let pageToken = "";
    do {
      const page = await inbox().listConflicts({ pageSize: 2, pageToken }, as(household, "guest"));
      expect(page.conflicts.length).toBeLessThanOrEqual(2);
      paged.push(...page.conflicts.map(({ recordId }) => recordId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(paged).toEqual(records);
  });
});

describe("settling", () => {
  it.each([
    ["ACCEPT_LOCAL", ACCEPT_LOCAL],
    ["ACCEPT_SERVER", ACCEPT_SERVER],
    ["MERGE", MERGE],
  ] as const)("by %s makes of the record what the preview has shown", async (_name, strategy) => {
    const before = { name: "Lamp", brightness: 50, color: "red" };
    await using it = await quarrelled({
      before,
      panel: { name: "Lamp", brightness: 30 },
      phone: { ...before, brightness: 70, note: "new" },
      wish: MANUAL,
    });
    const { id, etag } = it.conflict;
    const preview = await inbox().previewConflict({ id, strategy }, as(it.household, "guest"));
    expect(await bodyOf(it.household, it.local.recordId)).toEqual({ name: "Lamp", brightness: 30 });
    await inbox().settleConflict({ id, etag, decision: byStrategy(strategy) }, as(it.household));
    expect(await bodyOf(it.household, it.local.recordId)).toEqual(JSON.parse(preview.bodyJson));
  });

  it("by content of the person's own makes that the head, over both sides", async () => {
    await using it = await quarrelled();
    const { id, etag } = it.conflict;
    const decision = { case: "editedBodyJson", value: '{"name":"Lamp","brightness":55}' } as const;
    const { head, conflict } = await inbox().settleConflict({ id, etag, decision }, as(it.household, "member"));
    expect(new Set(head?.parentVersions)).toEqual(new Set([it.local.version, it.server.version]));
    expect(conflict).toMatchObject({
      decision: ConflictDecision.EDITED,
      settledBy: "ben",
      resolvedVersion: head?.version,
    });
    expect(await bodyOf(it.household, it.local.recordId)).toEqual({ name: "Lamp", brightness: 55 });
  });

  it("is done by one of two people who press at the same moment, and the other is told the new etag", async () => {
    const devices = await QuarrellingDevices.meet(system);
    await using _devices = devices;
    const { household } = devices;
    for (let round = 0; round < 8; round++) {
      const { local } = await devices.quarrel({ wish: MANUAL });
      const [open] = await conflictsOf(household, { recordId: local.recordId });
      const { id, etag } = must(open, "it waits");
      const attempts = await Promise.allSettled([
        inbox().settleConflict({ id, etag, decision: byStrategy(ACCEPT_LOCAL) }, as(household, "owner")),
        inbox().settleConflict({ id, etag, decision: byStrategy(MERGE) }, as(household, "member")),
      ]);
      const won = attempts.flatMap((attempt) => (attempt.status === "fulfilled" ? [attempt.value] : []));
      const lost = attempts.flatMap((attempt) => (attempt.status === "rejected" ? [attempt.reason] : []));
      expect(won).toHaveLength(1);
      expect(lost).toMatchObject([{ kind: "stale", reason: "STALE_ETAG", details: { etag: won[0]?.conflict?.etag } }]);
      const { entries } = await system.clients.entities.getEntityHistory({ id: local.recordId }, as(household));
      expect(entries.filter(({ version }) => version?.deviceId.startsWith("merge."))).toHaveLength(1);
    }
  });

  it("several at once settles each for itself and says of each what became of it", async () => {
    const devices = await QuarrellingDevices.meet(system);
    await using _devices = devices;
    const { household } = devices;
    for (let count = 0; count < 3; count++) await devices.quarrel({ wish: MANUAL });
    const open = await conflictsOf(household, { state: ConflictState.OPEN });
    const conflicts = open.map(({ id, etag }, index) => ({ id, etag: index === 1 ? "99" : etag }));
    const { results } = await inbox().settleConflicts({ conflicts, strategy: ACCEPT_LOCAL }, as(household));
    expect(results.map(({ id, failureReason }) => [id, failureReason])).toEqual([
      [open[0]?.id, ""],
      [open[1]?.id, "STALE_ETAG"],
      [open[2]?.id, ""],
    ]);
    expect((await conflictsOf(household, { state: ConflictState.OPEN })).map(({ id }) => id)).toEqual([open[1]?.id]);
  });

  it("is not for guests, nor for strangers, who are told of nothing", async () => {
    await using it = await quarrelled();
    const { id, etag } = it.conflict;
    const request = { id, etag, decision: byStrategy(MERGE) };
    const guest = await domainErrorOf(inbox().settleConflict(request, as(it.household, "guest")));
    expect(guest.kind).toBe("permission-denied");
    const stranger = await domainErrorOf(inbox().settleConflict(request, { token: system.tokens.otherHousehold }));
    expect(stranger.kind).toBe("not-found");
  });
});

describe("nothing that lost is unreachable", () => {
  it("a settled conflict can be decided again, and again: each time a new version with both parents", async () => {
    await using it = await quarrelled({});
    const { household, local, server } = it;
    expect(await bodyOf(household, local.recordId)).toEqual({ name: "Lamp", brightness: 70 });
    let { id, etag } = it.conflict;
    let head = it.conflict.resolvedVersion;
    for (const [strategy, brightness] of [
      [ACCEPT_SERVER, 30],
      [ACCEPT_LOCAL, 70],
      [ACCEPT_SERVER, 30],
    ] as const) {
      const settled = await inbox().settleConflict({ id, etag, decision: byStrategy(strategy) }, as(household));
      expect(settled.head?.parentVersions).toEqual([head, local.version]);
      expect(settled.head?.deviceId).toMatch(/^merge\./);
      expect(await bodyOf(household, local.recordId)).toEqual({ name: "Lamp", brightness });
      head = must(settled.head?.version, "a decision has a head");
      ({ id, etag } = must(settled.conflict, "it is the one that was settled"));
    }
    const { entries } = await system.clients.entities.getEntityHistory({ id: local.recordId }, as(household));
    const versions = entries.map(({ version }) => version?.version);
    expect(versions).toEqual(expect.arrayContaining([local.version, server.version, head]));
  });

  it("an edit that lost to a delete comes back from its conflict", async () => {
    await using it = await quarrelled({ panel: null, phone: { name: "Lamp", brightness: 70 } });
    expect(it.conflict).toMatchObject({ type: ConflictType.DELETE_UPDATE, decision: ConflictDecision.KEPT_SERVER });
    const { id, etag } = it.conflict;
    await inbox().settleConflict({ id, etag, decision: byStrategy(ACCEPT_LOCAL) }, as(it.household));
    expect(await bodyOf(it.household, it.local.recordId)).toEqual({ name: "Lamp", brightness: 70 });
  });
});

describe("policies", () => {
  it("of owners decide which types wait for a person and by which rule a key is merged, and nobody else's do", async () => {
    const devices = await QuarrellingDevices.meet(system);
    await using _devices = devices;
    const { household } = devices;
    const manualNotes = { entityType: EntityType.NOTE, strategy: MANUAL };
    const refused = await domainErrorOf(inbox().setPolicy({ policy: manualNotes }, as(household, "member")));
    expect(refused).toMatchObject({ kind: "permission-denied", reason: "OWNERS_ONLY" });
    const outcomeOf = async (options: QuarrelOptions) => (await devices.quarrel(options)).answer.outcomes[0]?.outcome;
    expect(await outcomeOf({ type: "note" })).toBe(Outcome.MERGED);

    await inbox().setPolicy({ policy: manualNotes }, as(household));
    await inbox().setPolicy({ policy: { fieldRules: { remark: "longer" } } }, as(household));
    expect(await outcomeOf({ type: "note", wish: ACCEPT_LOCAL })).toBe(Outcome.PENDING_REVIEW);
    const { local } = await devices.quarrel({
      before: { remark: "" },
      panel: { remark: "by the window" },
      phone: { remark: "later" },
    });
    expect(await bodyOf(household, local.recordId)).toEqual({ remark: "by the window" });
    const [conflict] = await conflictsOf(household, { recordId: local.recordId });
    expect(conflict?.fields).toMatchObject([{ field: "remark", decidedJson: '"by the window"', rule: "longer" }]);
  });

  it("with an unknown rule or field are refused, each fault by name, and change nothing", async () => {
    const household = await system.newHousehold();
    const before = await inbox().listPolicies({}, as(household));
    const policy = { entityType: 99 as EntityType, fieldRules: { remark: "coin-toss", "": "longer" } };
    const types = await domainErrorOf(inbox().setPolicy({ policy }, as(household)));
    expect(types).toMatchObject({ kind: "invalid", fields: [{ field: "policy.entity_type" }] });
    const rules = await domainErrorOf(
      inbox().setPolicy({ policy: { ...policy, entityType: EntityType.NOTE } }, as(household)),
    );
    expect(rules.kind).toBe("invalid");
    expect(rules.fields.map(({ field }) => field).sort()).toEqual([
      'policy.field_rules[""]',
      'policy.field_rules["remark"]',
    ]);
    expect(await inbox().listPolicies({}, as(household))).toEqual(before);
  });
});
