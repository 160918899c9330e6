import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { DifferenceKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, type RunningStore, startStore } from "../../../test/running-store.ts";
import { smallHome } from "../../../test/small-home.ts";

let store: RunningStore;
beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store?.[Symbol.asyncDispose]());

const EPOCH = { seconds: 0n, nanos: 0 };

describe("DiffGraph", () => {
  it("tells what happened to a home since a commit time, in pages", async () => {
    const home = smallHome(store);
    const ids = await home.furnished();
    const { entity } = await store.entities.getEntity({ id: ids.button }, home.as);
    const { relationship } = await store.relationships.getRelationship({ id: ids.edges.buttonControls }, home.as);
    const since = relationship?.updateTime ?? EPOCH;
    await store.entities.updateEntity({ id: ids.lamp, etag: "*", bodyJson: '{"name":"Lamp","watts":9}' }, home.as);
    const note = await home.entity(EntityType.NOTE, { name: "Note" });
    const documented = await home.edge(ids.lamp, RelationshipType.DOCUMENTED_BY, note);
    await store.entities.deleteEntity({ id: ids.button, etag: "*" }, home.as);

    const whole = await store.graph.diffGraph({ since }, home.as);
    const { CREATED, UPDATED, DELETED } = DifferenceKind;
    const told = whole.differences.map(({ kind, recordId, changedKeys }) => [kind, recordId, changedKeys]);
    expect(told.slice(0, 3)).toEqual([
      [UPDATED, ids.lamp, ["maker", "watts"]],
      [CREATED, note, []],
      [CREATED, documented, []],
    ]);
    // The edges at the switch fell with it.
    expect(told.slice(3).sort()).toEqual(
      [ids.button, ids.edges.buttonInHall, ids.edges.buttonControls].map((id) => [DELETED, id, []]).sort(),
    );
    const gone = whole.differences.find(({ recordId }) => recordId === ids.button);
    expect(gone).toMatchObject({ entityBefore: { name: "Switch", etag: entity?.etag } });
    const { entity: tombstone } = await store.entities.getEntity({ id: ids.button, includeDeleted: true }, home.as);
    expect(gone).toMatchObject({ author: tombstone?.author, time: tombstone?.updateTime });
    expect(whole.differences.find(({ recordId }) => recordId === ids.edges.buttonInHall)?.author).toBe("server");
    expect(gone?.entityAfter).toBeUndefined();
    const lamp = whole.differences[0];
    expect([lamp?.entityBefore?.bodyJson, lamp?.entityAfter?.bodyJson]).toEqual([
      '{"maker":"Hue","name":"Lamp"}',
      '{"name":"Lamp","watts":9}',
    ]);
    expect(whole.differences[2]?.relationshipAfter).toMatchObject({ fromId: ids.lamp, toId: note });

    const paged = [];
    let pageToken = "";
    do {
      const page = await store.graph.diffGraph({ since, pageSize: 2, pageToken }, home.as);
      expect(page.differences.length).toBeLessThanOrEqual(2);
      paged.push(...page.differences);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(paged).toEqual(whole.differences);
  });

  it("agrees on its moment from page to page, whatever is written meanwhile", async () => {
    const home = smallHome(store);
    await home.furnished();
    const first = await store.graph.diffGraph({ since: EPOCH, pageSize: 11 }, home.as);
    await home.entity(EntityType.NOTE, { name: "Later" });
    const rest = await store.graph.diffGraph({ since: EPOCH, pageToken: first.nextPageToken }, home.as);
    expect([first.differences.length, rest.differences.length, rest.nextPageToken]).toEqual([11, 1, ""]);
  });

  it("shows nothing of another household, to one that has nothing either", async () => {
    await smallHome(store).furnished();
    const { differences } = await store.graph.diffGraph({ since: EPOCH }, smallHome(store).as);
    expect(differences).toEqual([]);
  });

  it.each([
    ["since", {}],
    ["since", { since: { seconds: 9n ** 18n, nanos: 0 } }],
    ["until", { since: { seconds: 2n, nanos: 0 }, until: { seconds: 1n, nanos: 0 } }],
    ["page_size", { since: EPOCH, pageSize: 501 }],
    ["page_token", { since: EPOCH, pageToken: "x" }],
  ])("names the field %s when it is wrong", async (field, request) => {
    const call = store.graph.diffGraph(request, smallHome(store).as);
    expect(await failure(call)).toMatchObject({ kind: "invalid", fields: [field] });
  });

  it("refuses a page token of other times", async () => {
    const home = smallHome(store);
    await home.furnished();
    const { nextPageToken } = await store.graph.diffGraph({ since: EPOCH, pageSize: 1 }, home.as);
    const other = store.graph.diffGraph({ since: { seconds: 1n, nanos: 0 }, pageToken: nextPageToken }, home.as);
    expect(await failure(other)).toMatchObject({ kind: "invalid", fields: ["page_token"] });
  });
});
