import { type Change, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ConflictDecision, ConflictType, ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { must } from "@funkygibbon/kernel/must";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen } from "../support/device-pen.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: Constellation;
let household: TestHousehold;
let phone: WireDevice;
let panel: WireDevice;
beforeAll(async () => {
  system = await constellation();
  household = await system.newHousehold();
  const open = (deviceId: string) =>
    WireDevice.open({ sync: system.clients.sync, token: household.tokens.owner, deviceId });
  [phone, panel] = [open("phone"), open("panel")];
  return async () => {
    await phone[Symbol.asyncDispose]();
    await panel[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  };
});
// Hers is the later edit, though she makes it first: her clock is ahead, so it is of the time of its receipt.
const ada = new DevicePen("phone", 1_000_000);
const ben = new DevicePen("panel");

/** A lamp in the kitchen, as both devices know it. */
interface Place {
  readonly lamp: Change;
  readonly kitchen: Change;
  readonly hall: Change;
  readonly attic: Change;
  /** `lamp located_in kitchen {since: 2024}`. */
  readonly edge: Change;
}

async function furnish(): Promise<Place> {
  const lamp = ben.entity({ name: "Lamp" });
  const [kitchen, hall, attic] = ["Kitchen", "Hall", "Attic"].map((name) => ben.entity({ name }, { type: "room" }));
  if (kitchen === undefined || hall === undefined || attic === undefined) throw new Error("there are three rooms");
  const made = ben.edge("located_in", lamp.recordId, kitchen.recordId);
  const edge = ben.updateEdge(made, { properties: { since: 2024 } });
  const { outcomes } = await panel.push([lamp, kitchen, hall, attic, made, edge]);
  expect(outcomes.every(({ outcome }) => outcome === Outcome.APPLIED)).toBe(true);
  return { lamp, kitchen, hall, attic, edge };
}

const pushByPanel = async (...changes: Change[]) => void (await panel.push(changes));
const as = () => ({ token: household.tokens.owner });
const { APPLIED, MERGED, PENDING_REVIEW, SUPERSEDED } = Outcome;
const { CONTENT_CONFLICT, CYCLIC_RELATIONSHIP, DELETE_UPDATE } = ConflictType;

/** Somebody's edit of the edge or of its ends, and the phone's, which does not know of it. */
interface Story {
  readonly phone: (place: Place) => Change;
  readonly meanwhile: (place: Place) => Promise<unknown>;
  readonly outcome: Outcome;
  /** The room in which the lamp is then; undefined: the edge is gone. */
  readonly room: (place: Place) => Change | undefined;
  /** Type, decision, and `key: rule` of what is on record; undefined when nothing was lost. */
  readonly recorded: readonly [ConflictType, ConflictDecision, ...string[]] | undefined;
}

const toHall = ({ edge, hall }: Place) => ada.updateEdge(edge, { to: hall.recordId });
const inKitchen = ({ kitchen }: Place) => kitchen;
const inHall = ({ hall }: Place) => hall;
const nowhere = () => undefined;
const { KEPT_SERVER, MERGED: BOTH, OPEN, TOOK_LOCAL } = ConflictDecision;

const STORIES: Readonly<Record<string, Story>> = {
  "the phone leads it to the hall, which is deleted meanwhile": {
    phone: toHall,
    meanwhile: ({ hall }) => pushByPanel(ben.remove(hall)),
    outcome: SUPERSEDED,
    room: inKitchen,
    recorded: [DELETE_UPDATE, KEPT_SERVER, "@ends: dead-end-refused"],
  },
  "the phone says since when, and the kitchen is deleted meanwhile": {
    phone: ({ edge }) => ada.updateEdge(edge, { properties: { since: 2026 } }),
    meanwhile: ({ kitchen }) => pushByPanel(ben.remove(kitchen)),
    outcome: SUPERSEDED,
    room: nowhere,
    recorded: [DELETE_UPDATE, KEPT_SERVER, "@ends: dead-end-refused", "since: dead-end-refused"],
  },
  "the phone says something else of it and leads it to the hall, which is deleted meanwhile": {
    phone: ({ edge, hall }) => ada.updateEdge(edge, { to: hall.recordId, properties: { note: "by the door" } }),
    meanwhile: ({ hall }) => pushByPanel(ben.remove(hall)),
    outcome: SUPERSEDED,
    room: inKitchen,
    recorded: [
      DELETE_UPDATE,
      KEPT_SERVER,
      "@ends: dead-end-refused",
      "note: dead-end-refused",
      "since: dead-end-refused",
    ],
  },
  "the phone leads it to the hall, and the kitchen is deleted meanwhile": {
    phone: toHall,
    meanwhile: ({ kitchen }) => pushByPanel(ben.remove(kitchen)),
    outcome: MERGED,
    room: inHall,
    recorded: undefined,
  },
  "the phone leads it to the hall, and the kitchen is deleted and restored meanwhile": {
    phone: toHall,
    meanwhile: async ({ kitchen: { recordId: id } }) => {
      await system.clients.entities.deleteEntity({ id, etag: "*" }, as());
      await system.clients.entities.restoreEntity({ id, etag: "*" }, as());
    },
    outcome: MERGED,
    room: inHall,
    recorded: undefined,
  },
  "both lead it elsewhere": {
    phone: toHall,
    meanwhile: ({ edge, attic }) => pushByPanel(ben.updateEdge(edge, { to: attic.recordId })),
    outcome: MERGED,
    room: inHall,
    recorded: [CONTENT_CONFLICT, BOTH, "@ends: last-write-wins"],
  },
  "both lead it elsewhere, and the phone wants a person to decide": {
    phone: ({ edge, hall }) => ada.updateEdge(edge, { to: hall.recordId }, { wish: ResolutionStrategy.MANUAL }),
    meanwhile: ({ edge, attic }) => pushByPanel(ben.updateEdge(edge, { to: attic.recordId })),
    outcome: PENDING_REVIEW,
    room: ({ attic }) => attic,
    recorded: [CONTENT_CONFLICT, OPEN, "@ends: manual"],
  },
  "the phone leads it to the hall, and somebody says since when": {
    phone: toHall,
    meanwhile: ({ edge }) => pushByPanel(ben.updateEdge(edge, { properties: { since: 2025 } })),
    outcome: MERGED,
    room: inHall,
    recorded: undefined,
  },
  "the phone deletes it while somebody leads it elsewhere": {
    phone: ({ edge }) => ada.remove(edge),
    meanwhile: ({ edge, attic }) => pushByPanel(ben.updateEdge(edge, { to: attic.recordId })),
    outcome: MERGED,
    room: nowhere,
    recorded: [DELETE_UPDATE, TOOK_LOCAL, "@ends: delete-wins"],
  },
  "the phone leads it to the hall while somebody deletes it": {
    phone: toHall,
    meanwhile: ({ edge }) => pushByPanel(ben.remove(edge)),
    outcome: SUPERSEDED,
    room: nowhere,
    recorded: [DELETE_UPDATE, KEPT_SERVER, "@ends: delete-wins"],
  },
  "the phone deletes it, and it is deleted and restored meanwhile": {
    phone: ({ edge }) => ada.remove(edge),
    meanwhile: async ({ edge: { recordId: id } }) => {
      await system.clients.relationships.deleteRelationship({ id, etag: "*" }, as());
      await system.clients.relationships.restoreRelationship({ id, etag: "*" }, as());
    },
    outcome: PENDING_REVIEW,
    room: inKitchen,
    recorded: [DELETE_UPDATE, OPEN, "since: restore-wins"],
  },
  "the phone edits it, and so does nobody": {
    phone: toHall,
    meanwhile: async () => {},
    outcome: APPLIED,
    room: inHall,
    recorded: undefined,
  },
};

describe("an edge", () => {
  it.each(Object.entries(STORIES))("%s", async (_name, story) => {
    const place = await furnish();
    // Made before the phone could have heard of anything.
    const edit = story.phone(place);
    await story.meanwhile(place);
    const { outcomes } = await phone.push([edit]);
    expect(outcomes[0]?.outcome).toBe(story.outcome);

    const id = place.edge.recordId;
    const { relationships } = await system.clients.relationships.listRelationships(
      { fromId: place.lamp.recordId },
      as(),
    );
    expect(relationships.map(({ toId }) => toId)).toEqual(story.room(place) ? [story.room(place)?.recordId] : []);
    const { conflicts } = await system.clients.conflicts.listConflicts({ recordId: id }, as());
    const recorded = conflicts.map(({ type, decision, fields }) => [
      type,
      decision,
      ...fields.map(({ field, rule }) => `${field}: ${rule}`),
    ]);
    expect(recorded).toEqual(story.recorded === undefined ? [] : [story.recorded]);
    // Whatever became of it, it is in the history.
    const history = await system.clients.relationships.getRelationshipHistory({ id }, as());
    expect(history.entries.map(({ version }) => version?.version)).toContain(edit.version);
    expect((await system.clients.graph.checkIntegrity({}, as())).faults).toEqual([]);
  });

  it("that closes a cycle with one that somebody made meanwhile loses, and is on record", async () => {
    const [strip, lamp] = [ben.entity({ name: "Strip" }), ben.entity({ name: "Lamp" })];
    await pushByPanel(strip, lamp);
    const edge = ada.edge("part_of", lamp.recordId, strip.recordId);
    await pushByPanel(ben.edge("part_of", strip.recordId, lamp.recordId));
    const { outcomes, conflicts } = await phone.push([edge]);
    expect(outcomes).toMatchObject([{ outcome: SUPERSEDED }]);
    expect(conflicts).toMatchObject([
      {
        recordId: edge.recordId,
        conflictType: CYCLIC_RELATIONSHIP,
        localVersion: edge.version,
        serverVersion: "",
        resolutionHint: ResolutionStrategy.ACCEPT_SERVER,
        details: [{ field: "@ends", rule: "cycle-refused" }],
      },
    ]);
  });

  it("that is led into a cycle stays where it was, whichever side would have won", async () => {
    const [a, b, c] = ["a", "b", "c"].map((name) => ben.entity({ name }));
    if (a === undefined || b === undefined || c === undefined) throw new Error("there are three devices");
    const edge = ben.edge("part_of", a.recordId, b.recordId);
    await pushByPanel(a, b, c, edge);
    // The phone hangs a under c while c is hung under a.
    const moved = ada.updateEdge(edge, { to: c.recordId }, { wish: ResolutionStrategy.ACCEPT_LOCAL });
    await pushByPanel(ben.edge("part_of", c.recordId, a.recordId), ben.updateEdge(edge, { properties: { note: 1 } }));
    const { outcomes, conflicts } = await phone.push([moved]);
    expect(outcomes).toMatchObject([{ outcome: SUPERSEDED }]);
    expect(conflicts).toMatchObject([{ conflictType: CYCLIC_RELATIONSHIP, decision: KEPT_SERVER }]);
    const { relationship } = await system.clients.relationships.getRelationship({ id: edge.recordId }, as());
    expect(relationship).toMatchObject({ toId: b.recordId, propertiesJson: '{"note":1}' });
  });

  it("can be decided again and again: each time it is led where that side had led it, by a version with both parents", async () => {
    const place = await furnish();
    const { edge, hall, attic } = place;
    const wish = ResolutionStrategy.MANUAL;
    const edit = ada.updateEdge(edge, { to: hall.recordId }, { wish });
    const other = ben.updateEdge(edge, { to: attic.recordId });
    await pushByPanel(other);
    await phone.push([edit]);
    const [open] = (await system.clients.conflicts.listConflicts({ recordId: edge.recordId }, as())).conflicts;
    let { id, etag } = must(open, "it waits");
    let head = other.version;
    for (const [strategy, room] of [
      [ResolutionStrategy.ACCEPT_LOCAL, hall],
      [ResolutionStrategy.ACCEPT_SERVER, attic],
      [ResolutionStrategy.ACCEPT_LOCAL, hall],
    ] as const) {
      const decision = { case: "strategy", value: strategy } as const;
      const settled = await system.clients.conflicts.settleConflict({ id, etag, decision }, as());
      expect(settled.head?.parentVersions).toEqual([head, edit.version]);
      const { relationship } = await system.clients.relationships.getRelationship({ id: edge.recordId }, as());
      expect(relationship).toMatchObject({ toId: room.recordId, propertiesJson: '{"since":2024}' });
      head = must(settled.head, "a decision has a head").version;
      ({ id, etag } = must(settled.conflict, "it is the one that was settled"));
    }
  });

  it("cannot be settled into a place that is gone: the person is told, and the conflict stays open", async () => {
    const place = await furnish();
    const wish = ResolutionStrategy.MANUAL;
    const edit = ada.updateEdge(place.edge, { to: place.hall.recordId }, { wish });
    await pushByPanel(ben.updateEdge(place.edge, { to: place.attic.recordId }));
    await phone.push([edit]);
    await pushByPanel(ben.remove(place.hall));
    const query = { recordId: place.edge.recordId };
    const [open] = (await system.clients.conflicts.listConflicts(query, as())).conflicts;
    const { id, etag } = must(open, "it waits");
    const decision = { case: "strategy", value: ResolutionStrategy.ACCEPT_LOCAL } as const;
    const refused = await domainErrorOf(system.clients.conflicts.settleConflict({ id, etag, decision }, as()));
    expect(refused.kind).toBe("failed-precondition");
    expect((await system.clients.conflicts.listConflicts(query, as())).conflicts).toEqual([open]);
  });
});
