import { EntityType, RelationshipType, type SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, type RunningStore, startStore } from "../../../test/running-store.ts";
import { smallHome } from "../../../test/small-home.ts";

const { LOCATED_IN, PART_OF, CONTROLS, DEPENDS_ON } = RelationshipType;
const uuid = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";

let store: RunningStore;
beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store?.[Symbol.asyncDispose]());

describe("CreateRelationship", () => {
  it("stores what it answers, readable both ways", async () => {
    const home = smallHome(store);
    const [lamp, room] = [await home.entity(EntityType.DEVICE, {}), await home.entity(EntityType.ROOM, {})];
    const request = { id: uuid, type: LOCATED_IN, fromId: lamp, toId: room, propertiesJson: '{"since":2020}' };
    const { relationship } = await store.relationships.createRelationship(request, home.as);
    expect(relationship).toMatchObject({ ...request, inverseName: "contains", deleted: false });
    expect((await store.relationships.getRelationship({ id: uuid }, home.as)).relationship).toEqual(relationship);
  });

  it("refuses ends that are unknown, somebody else's, deleted or edges", async () => {
    const [home, other] = [smallHome(store), smallHome(store)];
    const { lamp, kitchen, edges } = await home.furnished();
    const theirs = await other.entity(EntityType.ROOM, {});
    const attempt = (toId: string) =>
      failure(store.relationships.createRelationship({ type: DEPENDS_ON, fromId: lamp, toId }, home.as));
    for (const toId of [uuid, theirs]) {
      expect(await attempt(toId)).toMatchObject({ kind: "failed-precondition", reason: "ENDPOINT_UNKNOWN" });
    }
    expect(await attempt(edges.lampInKitchen)).toMatchObject({ kind: "invalid", reason: "FORBIDDEN_ENDPOINTS" });
    await store.entities.deleteEntity({ id: kitchen, etag: "*" }, home.as);
    expect(await attempt(kitchen)).toMatchObject({ kind: "failed-precondition", reason: "ENDPOINT_DELETED" });
  });

  it("refuses types that do not fit together, and cycles", async () => {
    const home = smallHome(store);
    const { home: house, kitchen, lamp } = await home.furnished();
    const wrong = store.relationships.createRelationship({ type: LOCATED_IN, fromId: house, toId: lamp }, home.as);
    expect(await failure(wrong)).toMatchObject({ kind: "invalid", reason: "FORBIDDEN_ENDPOINTS" });
    const [a, b] = [await home.entity(EntityType.DEVICE, {}), await home.entity(EntityType.DEVICE, {})];
    await home.edge(a, PART_OF, b);
    const cycle = store.relationships.createRelationship({ type: PART_OF, fromId: b, toId: a }, home.as);
    expect(await failure(cycle)).toMatchObject({ kind: "failed-precondition", reason: "CYCLIC_RELATIONSHIP" });
    expect(kitchen).not.toBe("");
  });

  it.each([
    ["type", { type: 0 as RelationshipType }],
    ["from_id", { fromId: "" }],
    ["to_id", { toId: "x" }],
    ["properties_json", { propertiesJson: "1" }],
    ["id", { id: "x" }],
    ["source", { source: 50 as SourceType }],
  ])("names the field %s when it is wrong", async (field, wrong) => {
    const request = { type: CONTROLS, fromId: uuid, toId: uuid, ...wrong };
    const call = store.relationships.createRelationship(request, smallHome(store).as);
    expect(await failure(call)).toMatchObject({ kind: "invalid", fields: [field] });
  });
});

describe("UpdateRelationship", () => {
  it("replaces the properties and keeps type and ends without a mask", async () => {
    const home = smallHome(store);
    const { edges, lamp, kitchen } = await home.furnished();
    const request = { id: edges.lampInKitchen, etag: "*", propertiesJson: '{"shelf":2}', toId: uuid, type: CONTROLS };
    const { relationship } = await store.relationships.updateRelationship(request, home.as);
    expect(relationship).toMatchObject({
      type: LOCATED_IN,
      fromId: lamp,
      toId: kitchen,
      propertiesJson: '{"shelf":2}',
    });
  });

  it("moves one end that the mask names, and changes single properties", async () => {
    const home = smallHome(store);
    const { edges, lamp, hall } = await home.furnished();
    const id = edges.lampInKitchen;
    await store.relationships.updateRelationship({ id, etag: "*", propertiesJson: '{"a":1,"b":2}' }, home.as);
    const request = {
      id,
      etag: "*",
      toId: hall,
      propertiesJson: '{"a":3}',
      updateMask: { paths: ["to_id", "properties.a", "properties.b"] },
    };
    const { relationship } = await store.relationships.updateRelationship(request, home.as);
    expect(relationship).toMatchObject({ fromId: lamp, toId: hall, propertiesJson: '{"a":3}' });
    const { entries } = await store.relationships.getRelationshipHistory({ id }, home.as);
    expect(entries.map((entry) => entry.changedKeys)).toEqual([["@ends", "a", "b"], ["a", "b"], ["@ends"]]);
  });

  it("refuses a move that breaks a rule, a stale etag and an unknown path", async () => {
    const home = smallHome(store);
    const { edges, home: house, bulb, lamp } = await home.furnished();
    const update = (request: object) =>
      failure(store.relationships.updateRelationship({ id: edges.bulbOfLamp, etag: "*", ...request }, home.as));
    expect(await update({ toId: house, updateMask: { paths: ["to_id"] } })).toMatchObject({
      reason: "FORBIDDEN_ENDPOINTS",
    });
    expect(await update({ toId: uuid, updateMask: { paths: ["to_id"] } })).toMatchObject({
      reason: "ENDPOINT_UNKNOWN",
    });
    expect(await update({ toId: "x", updateMask: { paths: ["to_id"] } })).toMatchObject({ fields: ["to_id"] });
    expect(await update({ updateMask: { paths: ["colour"] } })).toMatchObject({ fields: ["update_mask"] });
    const { relationship } = await store.relationships.getRelationship({ id: edges.bulbOfLamp }, home.as);
    await store.relationships.updateRelationship({ id: edges.bulbOfLamp, etag: "*", propertiesJson: "{}" }, home.as);
    expect(await update({ etag: relationship?.etag, propertiesJson: "{}" })).toMatchObject({ kind: "stale" });
    expect([relationship?.fromId, relationship?.toId]).toEqual([bulb, lamp]);
  });

  it("replays its request id even when the edge is gone", async () => {
    const home = smallHome(store);
    const { edges, hall } = await home.furnished();
    const request = {
      id: edges.lampInKitchen,
      etag: "*",
      toId: hall,
      updateMask: { paths: ["to_id"] },
      requestId: uuid,
    };
    const first = await store.relationships.updateRelationship(request, home.as);
    await store.relationships.deleteRelationship({ id: edges.lampInKitchen, etag: "*" }, home.as);
    expect(await store.relationships.updateRelationship(request, home.as)).toEqual(first);
  });
});

describe("deleting an entity", () => {
  it("takes its relationships, and restoring it brings them back", async () => {
    const home = smallHome(store);
    const { lamp, edges } = await home.furnished();
    const taken = [edges.lampInKitchen, edges.bulbOfLamp, edges.buttonControls].sort();
    const { entity, relationshipIds } = await store.entities.deleteEntity({ id: lamp, etag: "*" }, home.as);
    expect([...relationshipIds].sort()).toEqual(taken);
    const { missingIds } = await store.relationships.batchGetRelationships({ ids: taken }, home.as);
    expect(missingIds.sort()).toEqual(taken);
    const restored = await store.entities.restoreEntity({ id: lamp, etag: entity?.etag ?? "" }, home.as);
    expect([...restored.relationshipIds].sort()).toEqual(taken);
    const { relationships } = await store.relationships.listRelationships({ entityId: lamp }, home.as);
    expect(relationships.map((edge) => edge.id).sort()).toEqual(taken);
  });

  it("does not bring back an edge that a person had deleted, nor one whose other end is gone", async () => {
    const home = smallHome(store);
    const { lamp, bulb, edges } = await home.furnished();
    await store.relationships.deleteRelationship({ id: edges.buttonControls, etag: "*" }, home.as);
    await store.entities.deleteEntity({ id: lamp, etag: "*" }, home.as);
    await store.entities.deleteEntity({ id: bulb, etag: "*" }, home.as);
    const { relationshipIds } = await store.entities.restoreEntity({ id: lamp, etag: "*" }, home.as);
    expect(relationshipIds).toEqual([edges.lampInKitchen]);
    expect((await store.graph.checkIntegrity({}, home.as)).faults).toEqual([]);
  });

  it("leaves an edge dead whose restore is asked for while an end is", async () => {
    const home = smallHome(store);
    const { lamp, edges } = await home.furnished();
    await store.entities.deleteEntity({ id: lamp, etag: "*" }, home.as);
    const restore = store.relationships.restoreRelationship({ id: edges.bulbOfLamp, etag: "*" }, home.as);
    expect(await failure(restore)).toMatchObject({ kind: "failed-precondition", reason: "ENDPOINT_DELETED" });
  });
});

describe("RestoreRelationship", () => {
  it("brings back a deleted one, or where an older version led, as a new version", async () => {
    const home = smallHome(store);
    const { edges, kitchen, hall } = await home.furnished();
    const id = edges.lampInKitchen;
    const { relationship: before } = await store.relationships.getRelationship({ id }, home.as);
    const moved = { id, etag: "*", toId: hall, propertiesJson: '{"shelf":2}' };
    const updateMask = { paths: ["to_id", "properties.shelf"] };
    await store.relationships.updateRelationship({ ...moved, updateMask }, home.as);
    await store.relationships.deleteRelationship({ id, etag: "*" }, home.as);
    const { relationship: back } = await store.relationships.restoreRelationship({ id, etag: "*" }, home.as);
    expect(back).toMatchObject({ toId: hall, propertiesJson: '{"shelf":2}', deleted: false });
    const older = { id, etag: back?.etag ?? "", version: before?.version ?? "" };
    const { relationship: oldest } = await store.relationships.restoreRelationship(older, home.as);
    expect(oldest).toMatchObject({ toId: kitchen, propertiesJson: "{}", createTime: before?.createTime });
    expect((await store.relationships.getRelationship({ id }, home.as)).relationship).toEqual(oldest);
    const { entries } = await store.relationships.getRelationshipHistory({ id }, home.as);
    expect(entries.map(({ changedKeys }) => changedKeys)).toEqual([
      ["@ends", "shelf"],
      ["shelf"],
      ["shelf"],
      ["@ends", "shelf"],
      ["@ends"],
    ]);
  });

  it("is refused where the rules of today forbid what was: a dead end, a cycle", async () => {
    const home = smallHome(store);
    const { edges, bulb, lamp, kitchen, hall } = await home.furnished();
    const versionOf = async (id: string) =>
      (await store.relationships.getRelationship({ id }, home.as)).relationship?.version ?? "";
    const restore = (id: string, version: string) =>
      failure(store.relationships.restoreRelationship({ id, etag: "*", version }, home.as));
    const move = (id: string, toId: string) =>
      store.relationships.updateRelationship({ id, etag: "*", toId, updateMask: { paths: ["to_id"] } }, home.as);
    const inKitchen = await versionOf(edges.lampInKitchen);
    await move(edges.lampInKitchen, hall);
    await store.entities.deleteEntity({ id: kitchen, etag: "*" }, home.as);
    expect(await restore(edges.lampInKitchen, inKitchen)).toMatchObject({ reason: "ENDPOINT_DELETED" });
    const other = await home.entity(EntityType.ACCESSORY, { name: "Socket" });
    const socket = await home.edge(bulb, RelationshipType.PART_OF, other);
    const intoOther = await versionOf(socket);
    await move(socket, lamp);
    await home.edge(other, RelationshipType.PART_OF, bulb);
    expect(await restore(socket, intoOther)).toMatchObject({ reason: "CYCLIC_RELATIONSHIP" });
  });
});

describe("reads of relationships", () => {
  it("list by type and ends, in pages, with the total", async () => {
    const home = smallHome(store);
    const { lamp, home: house, edges } = await home.furnished();
    const list = async (request: object) =>
      (await store.relationships.listRelationships(request, home.as)).relationships.map((edge) => edge.id);
    expect(await list({ toId: house })).toEqual([edges.kitchenInHome, edges.hallInHome].sort());
    expect(await list({ fromId: lamp })).toEqual([edges.lampInKitchen]);
    expect(await list({ entityId: lamp, types: [CONTROLS] })).toEqual([edges.buttonControls]);
    const first = await store.relationships.listRelationships({ pageSize: 4, includeTotal: true }, home.as);
    const rest = await list({ pageSize: 4, pageToken: first.nextPageToken });
    expect([first.total, first.relationships.length, rest.length]).toEqual([6n, 4, 2]);
    expect(new Set([...first.relationships.map((edge) => edge.id), ...rest]).size).toBe(6);
  });

  it("answer as of a commit time, and NOT_FOUND alike for strangers", async () => {
    const home = smallHome(store);
    const { edges } = await home.furnished();
    const id = edges.lampInKitchen;
    const { relationship } = await store.relationships.getRelationship({ id }, home.as);
    await store.relationships.deleteRelationship({ id, etag: relationship?.etag ?? "" }, home.as);
    const { seconds = 0n, nanos = 0 } = relationship?.updateTime ?? {};
    const then = await store.relationships.getRelationship({ id, at: { seconds, nanos } }, home.as);
    expect(then.relationship).toEqual(relationship);
    const gone = await failure(store.relationships.getRelationship({ id }, home.as));
    expect(await failure(store.relationships.getRelationship({ id }, smallHome(store).as))).toEqual(gone);
    expect(gone.kind).toBe("not-found");
    const { relationship: tombstone } = await store.relationships.getRelationship(
      { id, includeDeleted: true },
      home.as,
    );
    expect(tombstone).toMatchObject({ deleted: true, propertiesJson: "" });
  });

  it("let guests read and not write", async () => {
    const home = smallHome(store);
    const { edges, lamp, hall } = await home.furnished();
    const id = edges.lampInKitchen;
    expect((await store.relationships.getRelationship({ id }, home.guest)).relationship?.id).toBe(id);
    const writes = [
      store.relationships.createRelationship({ type: DEPENDS_ON, fromId: lamp, toId: hall }, home.guest),
      store.relationships.updateRelationship({ id, etag: "*", propertiesJson: "{}" }, home.guest),
      store.relationships.deleteRelationship({ id, etag: "*" }, home.guest),
      store.relationships.restoreRelationship({ id, etag: "*" }, home.guest),
    ];
    for (const error of await Promise.all(writes.map(failure))) {
      expect(error).toMatchObject({ kind: "permission-denied" });
    }
  });
});
