import { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import type { Divergence as WireDivergence } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { type Change, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ConflictDecision,
  type ConflictRecord,
  ResolutionStrategy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { must } from "@funkygibbon/kernel/must";
import type { Divergence } from "@funkygibbon/kernel/record";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import { divergenceToWire } from "@funkygibbon/wire/divergence";
import { beforeAll, describe, expect, it } from "vitest";
import { buildDivergence, buildVersion } from "../../services/conflict-resolution/test/build-version.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen } from "../support/device-pen.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { bodyOfBytes, REFUSED_BODIES } from "../support/hostile-bodies.ts";
import { LONG_KEY, MANY_KEY_NAMES, ODD_QUARRELS } from "../support/odd-quarrels.ts";
import { WireDevice } from "../support/wire-device.ts";

const { ACCEPT_LOCAL, ACCEPT_SERVER, MERGE } = ResolutionStrategy;

let system: Constellation;
let home: TwoDevices;
beforeAll(async () => {
  system = await constellation();
  home = await twoDevices();
  return async () => {
    await home[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  };
});

/** The change with this text as its body or properties, whatever it says. */
function saying(change: Change, text: string): Change {
  if (change.content.case === "entity") change.content.value.bodyJson = text;
  if (change.content.case === "relationship") change.content.value.propertiesJson = text;
  return change;
}

/** A household with two devices that do not know of each other's edits. */
async function twoDevices() {
  const household = await system.newHousehold();
  const open = (deviceId: string) =>
    WireDevice.open({ sync: system.clients.sync, token: household.tokens.owner, deviceId });
  const [panel, phone] = [open("panel"), open("phone")];
  await Promise.all([panel.upToDate(), phone.upToDate()]);
  const stack = new AsyncDisposableStack();
  stack.use(panel);
  stack.use(phone);
  return {
    household,
    panel,
    phone,
    panelPen: new DevicePen("panel"),
    phonePen: new DevicePen("phone"),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
type TwoDevices = Awaited<ReturnType<typeof twoDevices>>;

const KINDS = ["entity", "edge"] as const;
type Kind = (typeof KINDS)[number];

/** A record of either kind that says `{"name":"Lamp"}`. */
async function record(kind: Kind): Promise<Change> {
  const { panel, panelPen } = home;
  const lamp = panelPen.entity({ name: "Lamp" });
  const kitchen = panelPen.entity({ name: "Kitchen" }, { type: "room" });
  const edge = saying(panelPen.edge("located_in", lamp.recordId, kitchen.recordId), '{"name":"Lamp"}');
  const { outcomes } = await panel.push([lamp, kitchen, edge]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.APPLIED, Outcome.APPLIED]);
  return kind === "entity" ? lamp : edge;
}

function edited(pen: DevicePen, before: Change, text: string): Change {
  return saying(before.content.case === "entity" ? pen.update(before, {}) : pen.updateEdge(before, {}), text);
}

/** What the record says, as anybody reads it. */
async function textOf(household: TestHousehold, { content, recordId }: Change): Promise<string | undefined> {
  const as = { token: household.tokens.guest };
  if (content.case === "entity")
    return (await system.clients.entities.getEntity({ id: recordId }, as)).entity?.bodyJson;
  const { relationship } = await system.clients.relationships.getRelationship({ id: recordId }, as);
  return relationship?.propertiesJson;
}

describe.each(KINDS)("what an %s may say, however odd it is", (kind) => {
  it.each(ODD_QUARRELS)("$what: comes to every device as it was written", async ({ panel, phone }) => {
    const written = [panel, phone];
    const before = await Promise.all(written.map(() => record(kind)));
    const edits = before.map((change, index) => edited(home.panelPen, change, written[index] ?? ""));
    const { outcomes } = await home.panel.push(edits);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.APPLIED]);
    await using watch = WireDevice.open({
      sync: system.clients.sync,
      token: home.household.tokens.guest,
      deviceId: "watch",
    });
    const { digest } = await watch.upToDate();
    expect(watch.digest()).toBe(digest);
    for (const [index, { recordId }] of edits.entries()) {
      const pulled = watch.heads.get(recordId)?.content?.content;
      const text = pulled?.case === "entity" ? pulled.value.bodyJson : pulled?.value?.propertiesJson;
      expect(text).toBe(written[index]);
    }
  });

  it.each(ODD_QUARRELS)("$what: merges exactly, is on record, and can be decided again", async (given) => {
    const { household } = home;
    const { conflicts } = system.clients;
    const as = { token: household.tokens.member };
    const base = await record(kind);
    await home.panel.push([edited(home.panelPen, base, given.panel)]);
    const [first, last] = [home.phonePen.entity({ name: "First" }), home.phonePen.entity({ name: "Last" })];
    const edit = edited(home.phonePen, base, given.phone);
    const { outcomes } = await home.phone.push([first, edit, last]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.MERGED, Outcome.APPLIED]);
    expect(await textOf(household, edit)).toBe(given.merged);

    const { conflicts: found } = await conflicts.listConflicts({ recordId: edit.recordId }, as);
    expect(found.flatMap(({ fields }) => fields.map(({ field }) => field))).toEqual(given.contested);
    const [conflict] = found;
    if (conflict === undefined) return;
    const { id } = conflict;
    const columns = [given.phone, given.panel, given.merged].map((text): Record<string, unknown> => JSON.parse(text));
    expect(
      conflict.fields.map(({ localJson, serverJson, decidedJson }) => [localJson, serverJson, decidedJson]),
    ).toEqual(
      given.contested.map((key) =>
        columns.map((body) => (Object.hasOwn(body, key) ? JSON.stringify(body[key]) : undefined)),
      ),
    );
    const shown = await conflicts.getConflict({ id }, as);
    expect(shown.fields.filter(({ equal }) => !equal).length).toBeGreaterThanOrEqual(given.contested.length);

    // The preview says what the settlement makes, to the letter.
    let { etag } = conflict;
    for (const strategy of [ACCEPT_SERVER, ACCEPT_LOCAL, MERGE]) {
      const preview = await conflicts.previewConflict({ id, strategy }, as);
      const decision = { case: "strategy", value: strategy } as const;
      const settled = await conflicts.settleConflict({ id, etag, decision }, as);
      expect(await textOf(household, edit)).toBe(preview.bodyJson);
      etag = must(settled.conflict, "it was settled").etag;
    }
    const decision = { case: "editedBodyJson", value: given.panel } as const;
    const settled = await conflicts.settleConflict({ id, etag, decision }, as);
    expect(settled.conflict?.decision).toBe(ConflictDecision.EDITED);
    expect(await textOf(household, edit)).toBe(given.panel);
  });

  it.each(REFUSED_BODIES)("$what: is refused, and the rest of the push goes on", async ({ text, reason }) => {
    const base = await record(kind);
    const [first, last] = [home.phonePen.entity({ name: "First" }), home.phonePen.entity({ name: "Last" })];
    const { outcomes } = await home.phone.push([first, edited(home.phonePen, base, text), last]);
    const field = kind === "entity" ? "entity.body_json" : "relationship.properties_json";
    expect(outcomes).toMatchObject([
      { outcome: Outcome.APPLIED },
      { outcome: Outcome.REJECTED, rejection: { reason, field, message: expect.stringMatching(/^.{1,200}$/) } },
      { outcome: Outcome.APPLIED },
    ]);
    expect(await textOf(home.household, base)).toBe('{"name":"Lamp"}');
    expect(await textOf(home.household, last)).toBe('{"name":"Last"}');
  });
});

describe("what a person may not make of a conflict", () => {
  it.each(REFUSED_BODIES)("$what: is refused, and the conflict waits on", async ({ text, reason }) => {
    const { conflicts } = system.clients;
    const as = { token: home.household.tokens.member };
    const { id, etag } = await waitingConflict();
    const decision = { case: "editedBodyJson", value: text } as const;
    const error = await domainErrorOf(conflicts.settleConflict({ id, etag, decision }, as));
    expect(error).toMatchObject({ kind: "invalid", reason, fields: [{ field: "edited_body_json" }] });
    expect(error.message.length).toBeLessThan(200);
    expect((await conflicts.getConflict({ id }, as)).conflict).toMatchObject({ etag, decision: ConflictDecision.OPEN });
  });

  let waiting: Promise<ConflictRecord> | undefined;
  function waitingConflict(): Promise<ConflictRecord> {
    waiting ??= (async () => {
      const base = await record("entity");
      await home.panel.push([home.panelPen.update(base, { name: "Panel's" })]);
      const edit = home.phonePen.update(base, { name: "Phone's" }, { wish: ResolutionStrategy.MANUAL });
      await home.phone.push([edit]);
      const query = { recordId: edit.recordId };
      const page = await system.clients.conflicts.listConflicts(query, { token: home.household.tokens.guest });
      return must(page.conflicts[0], "it waits");
    })();
    return waiting;
  }
});

describe("what nobody may write by the API", () => {
  it.each(REFUSED_BODIES)("$what: is refused", async ({ text, reason }) => {
    const created = system.clients.entities.createEntity(
      { type: EntityType.DEVICE, bodyJson: text },
      { token: home.household.tokens.member },
    );
    const error = await domainErrorOf(created);
    expect(error).toMatchObject({ kind: "invalid", reason, fields: [{ field: "body_json" }] });
    expect(error.message.length).toBeLessThan(200);
  });
});

describe("what the resolver may not be asked about, even by our own services", () => {
  it.each(REFUSED_BODIES.filter(({ reason }) => reason !== "BODY_TOO_LARGE"))(
    "$what: is refused with its place in the batch, and the next batch is decided",
    async ({ text, reason }) => {
      await using resolver = await connectResolver();
      const sound = divergenceToWire(quarrel());
      const divergences = [sound, withBody(divergenceToWire(quarrel()), text)];
      const error = await domainErrorOf(resolver.resolve({ divergences }));
      expect(error).toMatchObject({
        kind: "invalid",
        reason,
        fields: [{ field: "divergences[1].local.entity.body_json" }],
      });
      expect((await resolver.resolve({ divergences: [sound] })).resolutions).toHaveLength(1);
    },
  );

  it("decides about bodies beyond the limit, and lets a merge that no record holds wait for a person", async () => {
    await using resolver = await connectResolver();
    const large = withBody(divergenceToWire(quarrel()), bodyOfBytes(1_000_000));
    const { resolutions } = await resolver.resolve({ divergences: [large] });
    const [resolution] = resolutions;
    expect(resolution?.decision.case).toBe("pending");
    expect(resolution?.conflict?.fields.map(({ field, rule }) => [field, rule])).toEqual([
      ["a", "too-large"],
      ["name", "too-large"],
    ]);
  });

  function quarrel(): Divergence {
    const base = buildVersion({ device: "hub", at: 0, body: { name: "Lamp" } });
    const edit = (device: string, at: number) =>
      buildVersion({ device, at, body: { name: "Lamp", [device]: at }, parents: [base] });
    return buildDivergence({ local: edit("phone", 2), server: edit("panel", 1), base });
  }

  function withBody(wire: WireDivergence, bodyJson: string): WireDivergence {
    if (wire.local?.content.case === "entity") wire.local.content.value.bodyJson = bodyJson;
    return wire;
  }

  async function connectResolver() {
    const token = await system.issuer.mintServiceToken("sync-coordinator");
    return createRpcClient(ResolverService, {
      url: system.urls.conflictResolution,
      log: silentLogger(),
      serviceToken: () => token,
    });
  }
});

describe("a policy", () => {
  const setPolicy = (fieldRules: Record<string, string>) =>
    system.clients.conflicts.setPolicy({ policy: { fieldRules } }, { token: home.household.tokens.owner });

  it("may name keys however odd, and applies to them", async () => {
    const odd = ["__proto__", "constructor", "\u0000", "caf\u00e9", "cafe\u0301", "\u202e", "🐒"];
    const { policy } = await setPolicy(Object.fromEntries(odd.map((key) => [key, "longer"])));
    expect(odd.map((key) => policy && Object.hasOwn(policy.fieldRules, key) && policy.fieldRules[key])).toEqual(
      odd.map(() => "longer"),
    );
    const base = await record("entity");
    const says = (text: string) => `{${odd.map((key) => `${JSON.stringify(key)}:"${text}"`).join(",")}}`;
    await home.panel.push([edited(home.panelPen, base, says("the longer one"))]);
    const edit = edited(home.phonePen, base, says("the later one"));
    await home.phone.push([edit]);
    expect(JSON.parse((await textOf(home.household, edit)) ?? "")).toEqual(JSON.parse(says("the longer one")));
  });

  it.each([
    ["with ten thousand unknown rules", Object.fromEntries(MANY_KEY_NAMES.map((key) => [key.repeat(40), "coin-toss"]))],
    ["with more rules than may be", Object.fromEntries(MANY_KEY_NAMES.map((key) => [key, "longer"]))],
    ["for a key of sixty thousand characters", { [LONG_KEY]: "longer" }],
    ["with a rule of sixty thousand characters", { note: LONG_KEY }],
  ])("%s is refused in a few words, and nothing changes", async (_what, rules) => {
    const as = { token: home.household.tokens.guest };
    const before = await system.clients.conflicts.listPolicies({}, as);
    const error = await domainErrorOf(setPolicy(rules));
    expect(error).toMatchObject({ kind: "invalid", reason: "INVALID_POLICY" });
    expect(error.fields[0]?.field).toMatch(/^policy\.field_rules/);
    expect(JSON.stringify(error.fields).length).toBeLessThan(4_096);
    expect(await system.clients.conflicts.listPolicies({}, as)).toEqual(before);
  });
});

it("after all this the home is whole: digests agree, no fault is found, and search has read all that was written", async () => {
  const { household, phone, panel, phonePen } = home;
  const as = { token: household.tokens.guest };
  await phone.push([phonePen.entity({ name: "Lighthouse" })]);
  await using watch = WireDevice.open({ sync: system.clients.sync, token: as.token, deviceId: "last-watch" });
  const { digest, headSeq } = await watch.upToDate();
  for (const device of [watch, phone, panel]) {
    await device.upToDate(headSeq);
    expect(device.digest()).toBe(digest);
  }
  expect((await system.clients.graph.checkIntegrity({}, as)).faults).toEqual([]);
  // Search follows the log in its order, and this was the last of it.
  const found = async () => (await system.clients.graph.searchEntities({ query: "lighthouse" }, as)).hits.length;
  await expect.poll(found).toBe(1);
});
