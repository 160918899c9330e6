import { EntityType, RelationshipType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, type RunningStore, startStore, tokenOf } from "../../../test/running-store.ts";
import { timestampOf } from "../shared/fields.ts";

let store: RunningStore;
let count = 0;

beforeAll(async () => {
  store = await startStore();
});
afterAll(() => store?.[Symbol.asyncDispose]());

/** A household of one test's own. */
function household() {
  const name = `h${++count}`;
  return { name, token: tokenOf(name), guest: tokenOf(name, "guest") };
}

async function create(as: { token: string }, body: object, type: EntityType = EntityType.DEVICE) {
  const { entity } = await store.entities.createEntity({ type, bodyJson: JSON.stringify(body) }, as);
  if (entity === undefined) throw new Error("a created entity is answered");
  return entity;
}

const uuid = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";
const bodyOf = (entity: { bodyJson: string } | undefined) => JSON.parse(entity?.bodyJson ?? "null");

describe("CreateEntity", () => {
  it("stores what it answers", async () => {
    const as = household();
    const request = {
      id: uuid,
      type: EntityType.ROOM,
      source: SourceType.HOMEKIT,
      bodyJson: '{"name":"Hall","size":1.50}',
    };
    const { entity } = await store.entities.createEntity(request, as);
    expect(entity).toMatchObject({
      id: uuid,
      type: EntityType.ROOM,
      source: SourceType.HOMEKIT,
      name: "Hall",
      deleted: false,
    });
    expect(bodyOf(entity)).toEqual({ name: "Hall", size: 1.5 });
    expect(entity).toMatchObject({ author: `${as.name}.member`, createTime: entity?.updateTime });
    expect(entity?.etag).not.toBe("");
    expect((await store.entities.getEntity({ id: uuid }, as)).entity).toEqual(entity);
  });

  it("chooses an id, and takes no body for an empty one", async () => {
    const as = household();
    const { entity } = await store.entities.createEntity({ type: EntityType.NOTE }, as);
    expect(entity?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(entity).toMatchObject({ bodyJson: "{}", name: "", source: SourceType.MANUAL });
  });

  it("refuses an id that is in use, and one that was deleted", async () => {
    const as = household();
    const { id } = await create(as, {});
    expect(await failure(store.entities.createEntity({ id, type: EntityType.NOTE }, as))).toMatchObject({
      kind: "already-exists",
    });
    await store.entities.deleteEntity({ id, etag: "*" }, as);
    expect(await failure(store.entities.createEntity({ id, type: EntityType.NOTE }, as))).toMatchObject({
      kind: "already-exists",
    });
  });

  it("gives two households their own record of one id", async () => {
    const [one, two] = [household(), household()];
    await store.entities.createEntity({ id: uuid, type: EntityType.NOTE, bodyJson: '{"name":"One"}' }, one);
    await store.entities.createEntity({ id: uuid, type: EntityType.ROOM, bodyJson: '{"name":"Two"}' }, two);
    expect((await store.entities.getEntity({ id: uuid }, one)).entity?.name).toBe("One");
    expect((await store.entities.getEntity({ id: uuid }, two)).entity?.name).toBe("Two");
  });

  it.each([
    ["id", { id: "not-a-uuid", type: EntityType.NOTE }],
    ["type", {}],
    ["type", { type: 99 as EntityType }],
    ["source", { type: EntityType.NOTE, source: 99 as SourceType }],
    ["body_json", { type: EntityType.NOTE, bodyJson: "[1]" }],
    ["body_json", { type: EntityType.NOTE, bodyJson: "{" }],
    ["body_json", { type: EntityType.NOTE, bodyJson: '{"a":1,"a":2}' }],
    ["body_json", { type: EntityType.NOTE, bodyJson: '{"a":9007199254740993}' }],
    ["body_json", { type: EntityType.NOTE, bodyJson: '{"a":"\\ud800"}' }],
    ["body_json", { type: EntityType.NOTE, bodyJson: `{"a":"${"x".repeat(65_536)}"}` }],
    ["body_json", { type: EntityType.NOTE, bodyJson: `{"a":${"[".repeat(40)}${"]".repeat(40)}}` }],
    ["request_id", { type: EntityType.NOTE, requestId: "again" }],
  ])("names the field %s when it is wrong, and stores nothing", async (field, request) => {
    const as = household();
    expect(await failure(store.entities.createEntity(request, as))).toMatchObject({ kind: "invalid", fields: [field] });
    expect((await store.entities.listEntities({ includeTotal: true }, as)).total).toBe(0n);
  });

  it("keeps bodies that are odd but right", async () => {
    const as = household();
    const body = '{"__proto__":{"x":1},"name":"a\\u0000b","n":1e2,"empty":{},"emoji":"🦍"}';
    const { entity } = await store.entities.createEntity({ type: EntityType.NOTE, bodyJson: body }, as);
    const { entity: read } = await store.entities.getEntity({ id: entity?.id ?? "" }, as);
    expect(JSON.parse(read?.bodyJson ?? "")).toEqual(JSON.parse(body));
    expect(read?.name).toBe("a\u0000b");
  });

  it("only tells what would be when it validates", async () => {
    const as = household();
    const request = { id: uuid, type: EntityType.NOTE, bodyJson: '{"name":"Dry"}', validateOnly: true };
    expect((await store.entities.createEntity(request, as)).entity).toMatchObject({ id: uuid, name: "Dry" });
    expect(await failure(store.entities.getEntity({ id: uuid }, as))).toMatchObject({ kind: "not-found" });
    expect(await failure(store.entities.createEntity({ ...request, bodyJson: "{" }, as))).toMatchObject({
      kind: "invalid",
    });
  });
});

describe("a request id", () => {
  const requestId = "5b0f6c0e-3a56-4c53-9d6a-0d4b6f1c2a3d";

  it("gets the first answer again, and writes once", async () => {
    const as = household();
    const request = { type: EntityType.NOTE, bodyJson: '{"name":"Once"}', requestId };
    const first = await store.entities.createEntity(request, as);
    expect(await store.entities.createEntity({ ...request, requestId: requestId.toUpperCase() }, as)).toEqual(first);
    expect((await store.entities.listEntities({ includeTotal: true }, as)).total).toBe(1n);
  });

  it("gets the first answer of an update even after the entity has moved on", async () => {
    const as = household();
    const { id, etag } = await create(as, { n: 1 });
    const request = { id, etag, bodyJson: '{"n":2}', requestId };
    const first = await store.entities.updateEntity(request, as);
    await store.entities.updateEntity({ id, etag: "*", bodyJson: '{"n":3}' }, as);
    expect(await store.entities.updateEntity(request, as)).toEqual(first);
    expect(bodyOf((await store.entities.getEntity({ id }, as)).entity)).toEqual({ n: 3 });
  });

  it("is refused for another request, and free in another household", async () => {
    const as = household();
    await store.entities.createEntity({ type: EntityType.NOTE, requestId }, as);
    const other = store.entities.createEntity({ type: EntityType.ROOM, requestId }, as);
    expect(await failure(other)).toMatchObject({
      kind: "invalid",
      reason: "REQUEST_ID_REUSED",
      fields: ["request_id"],
    });
    await store.entities.createEntity({ type: EntityType.ROOM, requestId }, household());
  });

  it("is not used up by a failed or a validated request", async () => {
    const as = household();
    const { id } = await create(as, {});
    const request = { id, etag: "*", bodyJson: "{}", requestId };
    await store.entities.updateEntity({ ...request, validateOnly: true }, as);
    await failure(store.entities.updateEntity({ ...request, bodyJson: "{" }, as));
    expect((await store.entities.updateEntity(request, as)).entity).toMatchObject({ id });
  });
});

describe("GetEntity and BatchGetEntities", () => {
  it("answer NOT_FOUND alike for what is not there, not theirs, deleted, or an edge", async () => {
    const [as, stranger] = [household(), household()];
    const { id } = await create(as, { name: "Mine" });
    const missing = await failure(store.entities.getEntity({ id: uuid }, as));
    const theirs = await failure(store.entities.getEntity({ id }, stranger));
    expect(missing).toEqual({ kind: "not-found", reason: "NOT_FOUND", fields: [], details: { id: uuid } });
    expect(theirs).toEqual({ ...missing, details: { id } });
    await store.entities.deleteEntity({ id, etag: "*" }, as);
    expect(await failure(store.entities.getEntity({ id }, as))).toEqual(theirs);
    expect((await store.entities.getEntity({ id, includeDeleted: true }, as)).entity).toMatchObject({
      deleted: true,
      bodyJson: "",
    });
  });

  it("answer as of a commit time", async () => {
    const as = household();
    const { id, updateTime: then } = await create(as, { name: "Old" });
    await store.entities.updateEntity({ id, etag: "*", bodyJson: '{"name":"New"}' }, as);
    await store.entities.deleteEntity({ id, etag: "*" }, as);
    const at = then && { seconds: then.seconds, nanos: then.nanos };
    expect((await store.entities.getEntity({ id, ...(at && { at }) }, as)).entity).toMatchObject({ name: "Old" });
    const batch = await store.entities.batchGetEntities({ ids: [id], ...(at && { at }) }, as);
    expect(batch.entities.map((entity) => entity.name)).toEqual(["Old"]);
    expect(await failure(store.entities.getEntity({ id, at: { seconds: 1n, nanos: 0 } }, as))).toMatchObject({
      kind: "not-found",
    });
  });

  it("keep the order of the ids and name those not found", async () => {
    const as = household();
    const [one, two] = [await create(as, { n: 1 }), await create(as, { n: 2 })];
    const { entities, missingIds } = await store.entities.batchGetEntities({ ids: [two.id, uuid, one.id, two.id] }, as);
    expect(entities.map((entity) => entity.id)).toEqual([two.id, one.id, two.id]);
    expect(missingIds).toEqual([uuid]);
  });

  it.each([
    ["ids", { ids: [] }],
    ["ids", { ids: Array.from({ length: 1_001 }, () => uuid) }],
    ["ids[1]", { ids: [uuid, "x"] }],
    ["at", { ids: [uuid], at: { seconds: 10n ** 12n, nanos: 0 } }],
    ["at", { ids: [uuid], at: { seconds: 0n, nanos: -1 } }],
  ])("name the field %s when it is wrong", async (field, request) => {
    expect(await failure(store.entities.batchGetEntities(request, household()))).toMatchObject({
      kind: "invalid",
      fields: [field],
    });
  });
});

describe("UpdateEntity", () => {
  it("replaces the body, or changes the named keys alone", async () => {
    const as = household();
    const { id, etag, createTime } = await create(as, { name: "Lamp", on: true, level: 1 });
    const update = { id, etag, bodyJson: '{"on":false,"level":9}', updateMask: { paths: ["on", "name"] } };
    const { entity } = await store.entities.updateEntity(update, as);
    expect(bodyOf(entity)).toEqual({ on: false, level: 1 });
    expect(entity).toMatchObject({ name: "", createTime });
    const replaced = await store.entities.updateEntity({ id, etag: entity?.etag ?? "", bodyJson: "{}" }, as);
    expect(replaced.entity?.bodyJson).toBe("{}");
    expect((await store.entities.getEntity({ id }, as)).entity).toEqual(replaced.entity);
  });

  it("refuses a stale etag with the current one in the details, and takes it then", async () => {
    const as = household();
    const { id, etag: first } = await create(as, { n: 1 });
    const { entity } = await store.entities.updateEntity({ id, etag: first, bodyJson: '{"n":2}' }, as);
    const stale = await failure(store.entities.updateEntity({ id, etag: first, bodyJson: '{"n":3}' }, as));
    expect(stale).toMatchObject({ kind: "stale", details: { etag: entity?.etag } });
    await store.entities.updateEntity({ id, etag: stale.details.etag ?? "", bodyJson: '{"n":3}' }, as);
    expect(bodyOf((await store.entities.getEntity({ id }, as)).entity)).toEqual({ n: 3 });
  });

  it("loses no key when two callers change different ones at once", async () => {
    const as = household();
    const { id } = await create(as, {});
    const keys = Array.from({ length: 20 }, (_, n) => `key${n}`);
    await Promise.all(
      keys.map((key) =>
        store.entities.updateEntity({ id, etag: "*", bodyJson: `{"${key}":true}`, updateMask: { paths: [key] } }, as),
      ),
    );
    expect(Object.keys(bodyOf((await store.entities.getEntity({ id }, as)).entity)).sort()).toEqual(keys.sort());
  });

  it("lets one of several callers with the same etag win", async () => {
    const as = household();
    const { id, etag } = await create(as, {});
    const results = await Promise.allSettled(
      [1, 2, 3].map((n) => store.entities.updateEntity({ id, etag, bodyJson: `{"n":${n}}` }, as)),
    );
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  });

  it.each([
    ["etag", { etag: "" }],
    ["etag", { etag: "W/1" }],
    ["id", { id: "x" }],
    ["body_json", { bodyJson: "" }],
    ["update_mask", { updateMask: { paths: [""] } }],
    ["update_mask", { bodyJson: '{"a":{"b":1}}', updateMask: { paths: ["a.b"] } }],
  ])("names the field %s when it is wrong", async (field, wrong) => {
    const request = { id: uuid, etag: "*", bodyJson: "{}", ...wrong };
    expect(await failure(store.entities.updateEntity(request, household()))).toMatchObject({
      kind: "invalid",
      fields: [field],
    });
  });

  it("answers NOT_FOUND for a deleted entity instead of reviving it", async () => {
    const as = household();
    const { id } = await create(as, {});
    await store.entities.deleteEntity({ id, etag: "*" }, as);
    expect(await failure(store.entities.updateEntity({ id, etag: "*", bodyJson: "{}" }, as))).toMatchObject({
      kind: "not-found",
    });
    expect(await failure(store.entities.deleteEntity({ id, etag: "*" }, as))).toMatchObject({ kind: "not-found" });
  });

  it("refuses a patch that makes the body too large, although neither side is", async () => {
    const as = household();
    const { id } = await create(as, { a: "x".repeat(40_000) });
    const request = {
      id,
      etag: "*",
      bodyJson: JSON.stringify({ b: "x".repeat(40_000) }),
      updateMask: { paths: ["b"] },
    };
    expect(await failure(store.entities.updateEntity(request, as))).toMatchObject({
      kind: "invalid",
      fields: ["body_json"],
    });
  });
});

describe("roles and doors", () => {
  it("let guests read and not write", async () => {
    const as = household();
    const { id } = await create(as, { name: "Seen" });
    const guest = { token: as.guest };
    expect((await store.entities.getEntity({ id }, guest)).entity?.name).toBe("Seen");
    const writes = [
      store.entities.createEntity({ type: EntityType.NOTE }, guest),
      store.entities.updateEntity({ id, etag: "*", bodyJson: "{}" }, guest),
      store.entities.deleteEntity({ id, etag: "*" }, guest),
      store.entities.restoreEntity({ id, etag: "*" }, guest),
    ];
    for (const error of await Promise.all(writes.map(failure))) {
      expect(error).toMatchObject({ kind: "permission-denied" });
    }
  });

  it("refuse calls without a token", async () => {
    expect(await failure(store.entities.listEntities({}))).toMatchObject({ kind: "unauthenticated" });
  });

  it("keep the origin that a service names, and heed none from a user", async () => {
    const as = household();
    const origin = { channel: "mcp", clientName: "claude", tool: "create_entity", callId: "call-7" };
    const byGateway = await store.entitiesAsService.createEntity(
      { type: EntityType.NOTE, origin },
      { actor: as.token },
    );
    const byUser = await store.entities.createEntity({ type: EntityType.NOTE, origin }, as);
    const originOf = async (id = "") => (await store.entities.getEntityHistory({ id }, as)).entries[0]?.version;
    expect(byGateway.entity?.source).toBe(SourceType.MCP);
    expect((await originOf(byGateway.entity?.id))?.origin).toMatchObject(origin);
    expect((await originOf(byGateway.entity?.id))?.deviceId).toMatch(/^mcp\.[0-9a-f]{8}$/);
    expect(byUser.entity?.source).toBe(SourceType.MANUAL);
    expect((await originOf(byUser.entity?.id))?.origin).toMatchObject({ channel: "api", tool: "" });
    const wrong = store.entitiesAsService.createEntity(
      { type: EntityType.NOTE, origin: { channel: "sync" } },
      { actor: as.token },
    );
    expect(await failure(wrong)).toMatchObject({ kind: "invalid", fields: ["origin.channel"] });
  });
});

describe("history and restore", () => {
  it("tell every version newest first, who wrote it and what it changed", async () => {
    const as = household();
    const { id } = await create(as, { name: "Lamp", on: true });
    await store.entities.updateEntity({ id, etag: "*", bodyJson: '{"name":"Lamp","on":false,"dim":1}' }, as);
    await store.entities.deleteEntity({ id, etag: "*" }, { token: tokenOf(as.name, "owner") });
    const { entries, nextPageToken } = await store.entities.getEntityHistory({ id }, as);
    expect(
      entries.map((entry) => [entry.changedKeys, entry.isHead, entry.version?.deleted, entry.version?.author]),
    ).toEqual([
      [["dim", "name", "on"], true, true, `${as.name}.owner`],
      [["dim", "on"], false, false, `${as.name}.member`],
      [["name", "on"], false, false, `${as.name}.member`],
    ]);
    for (const { version } of entries) {
      expect(version?.deviceId).toMatch(/^api\.[0-9a-f]{8}$/);
      expect(version?.content).toMatchObject({ case: "entity", value: { source: SourceType.MANUAL } });
    }
    expect(nextPageToken).toBe("");
    expect(await failure(store.entities.getEntityHistory({ id }, household()))).toMatchObject({ kind: "not-found" });
  });

  it("are told as of a commit time, page by page, and not found before the first", async () => {
    const as = household();
    const { id } = await create(as, { n: 0 });
    for (let n = 1; n < 4; n++) await store.entities.updateEntity({ id, etag: "*", bodyJson: `{"n":${n}}` }, as);
    const { entries } = await store.entities.getEntityHistory({ id }, as);
    const committed = (n: number) => timestampOf(Number(entries.at(-1 - n)?.version?.committedUs));
    const at = committed(2);
    const first = await store.entities.getEntityHistory({ id, at, pageSize: 2 }, as);
    const last = await store.entities.getEntityHistory({ id, at, pageSize: 2, pageToken: first.nextPageToken }, as);
    expect([...first.entries, ...last.entries].map((entry) => [entry.version?.seq, entry.isHead])).toEqual([
      [3n, true],
      [2n, false],
      [1n, false],
    ]);
    const { nextPageToken: pageToken } = first;
    expect(await failure(store.entities.getEntityHistory({ id, pageSize: 2, pageToken }, as))).toMatchObject({
      fields: ["page_token"],
    });
    const { seconds } = committed(0);
    const before = store.entities.getEntityHistory({ id, at: { seconds: seconds - 1n, nanos: 0 } }, as);
    expect(await failure(before)).toMatchObject({ kind: "not-found" });
  });

  it("come in pages", async () => {
    const as = household();
    const { id } = await create(as, { n: 0 });
    for (let n = 1; n < 5; n++) await store.entities.updateEntity({ id, etag: "*", bodyJson: `{"n":${n}}` }, as);
    const seen: unknown[] = [];
    let pageToken = "";
    do {
      const page = await store.entities.getEntityHistory({ id, pageSize: 2, pageToken }, as);
      seen.push(...page.entries.map((entry) => entry.version?.seq));
      ({ nextPageToken: pageToken } = page);
    } while (pageToken !== "");
    expect(seen).toEqual([5n, 4n, 3n, 2n, 1n]);
    expect(await failure(store.entities.getEntityHistory({ id, pageSize: 201 }, as))).toMatchObject({
      fields: ["page_size"],
    });
  });

  it("bring back what was deleted, or an older version, as a new one", async () => {
    const as = household();
    const created = await create(as, { name: "First" });
    const { id } = created;
    await store.entities.updateEntity({ id, etag: "*", bodyJson: '{"name":"Second"}' }, as);
    await store.entities.deleteEntity({ id, etag: "*" }, as);
    const { entity } = await store.entities.restoreEntity({ id, etag: "*" }, as);
    expect(entity).toMatchObject({ name: "Second", deleted: false, createTime: created.createTime });
    const older = await store.entities.restoreEntity({ id, etag: entity?.etag ?? "", version: created.version }, as);
    expect(older.entity?.name).toBe("First");
    expect((await store.entities.getEntity({ id }, as)).entity).toEqual(older.entity);
    expect((await store.entities.getEntityHistory({ id }, as)).entries).toHaveLength(5);
  });

  it("refuse to restore what is not deleted without a version, a deletion, an unknown version, and with a stale etag", async () => {
    const as = household();
    const { id, etag, version } = await create(as, {});
    expect(await failure(store.entities.restoreEntity({ id, etag: "*" }, as))).toMatchObject({
      kind: "failed-precondition",
      reason: "NOT_DELETED",
    });
    const { entity: tombstone } = await store.entities.deleteEntity({ id, etag }, as);
    const restore = (request: object) => failure(store.entities.restoreEntity({ id, etag: "*", ...request }, as));
    expect(await restore({ version: tombstone?.version })).toMatchObject({ kind: "invalid", fields: ["version"] });
    expect(await restore({ version: version.replace(/\d+$/, "999999") })).toMatchObject({ kind: "not-found" });
    expect(await restore({ version: "nonsense" })).toMatchObject({ kind: "invalid", fields: ["version"] });
    expect(await restore({ etag })).toMatchObject({ kind: "stale", details: { etag: tombstone?.etag } });
  });
});

describe("ListEntities", () => {
  it("pages in a stable order with the total, while others write", async () => {
    const as = household();
    for (const name of ["e", "b", "d", "a", "c"]) await create(as, { name });
    await create(as, { name: "room" }, EntityType.ROOM);
    const names: string[] = [];
    let pageToken = "";
    do {
      const page = await store.entities.listEntities(
        { pageSize: 2, pageToken, includeTotal: true, types: [EntityType.DEVICE] },
        as,
      );
      expect(page.total).toBe(BigInt(5 + (names.length > 0 ? 1 : 0)));
      if (names.length === 0) await create(as, { name: "0 before the page" });
      names.push(...page.entities.map((entity) => entity.name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(names).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("orders by type, name and id, and pages through names beyond the index's length", async () => {
    const as = household();
    const long = "x".repeat(300);
    for (const name of [`${long}b`, `${long}a`, "a"]) await create(as, { name });
    await create(as, { name: "z" }, EntityType.ROOM);
    const first = await store.entities.listEntities({ pageSize: 2 }, as);
    const second = await store.entities.listEntities({ pageSize: 2, pageToken: first.nextPageToken }, as);
    const names = [...first.entities, ...second.entities].map((entity) => entity.name);
    expect(names.slice(0, 2)).toEqual(["z", "a"]);
    expect(names.slice(2).sort()).toEqual([`${long}a`, `${long}b`]);
    expect(second.nextPageToken).toBe("");
  });

  it("filters by type, source, name and time", async () => {
    const as = household();
    const lamp = await create(as, { name: "Küchenlampe" });
    await store.entities.createEntity(
      { type: EntityType.ROOM, source: SourceType.MATTER, bodyJson: '{"name":"Küche"}' },
      as,
    );
    const list = async (request: object) =>
      (await store.entities.listEntities(request, as)).entities.map((entity) => entity.name);
    expect(await list({ types: [EntityType.ROOM] })).toEqual(["Küche"]);
    expect(await list({ sources: [SourceType.MATTER] })).toEqual(["Küche"]);
    expect(await list({ nameContains: "KÜCHENL" })).toEqual(["Küchenlampe"]);
    expect(await list({ nameContains: "%" })).toEqual([]);
    expect(await list({ at: { seconds: lamp.updateTime?.seconds ?? 0n, nanos: lamp.updateTime?.nanos ?? 0 } })).toEqual(
      ["Küchenlampe"],
    );
  });

  it("filters by name whatever the case, beyond ASCII too, now and then", async () => {
    const as = household();
    for (const name of ["Übungsraum", "КУХНЯ", "Lamp"]) await create(as, { name });
    const then = (await create(as, { name: "Later" })).updateTime;
    await create(as, { name: "Most lately" });
    const found = async (nameContains: string) => {
      const answers = [];
      for (const at of [undefined, then]) {
        const { entities, total } = await store.entities.listEntities({ nameContains, at, includeTotal: true }, as);
        answers.push([...entities.map(({ name }) => name), Number(total)]);
      }
      expect(answers[1]).toEqual(answers[0]);
      return answers[0];
    };
    for (const text of ["Übung", "übung", "ÜBUNGSRAUM"]) expect(await found(text)).toEqual(["Übungsraum", 1]);
    for (const text of ["КУХНЯ", "кухня", "Кух"]) expect(await found(text)).toEqual(["КУХНЯ", 1]);
    expect(await found("LAMP")).toEqual(["Lamp", 1]);
  });

  it("filters by place: what is in it directly or through others, now or then, counted and in pages", async () => {
    const as = household();
    const home = await create(as, { name: "Home" }, EntityType.HOME);
    const room = await create(as, { name: "Room" }, EntityType.ROOM);
    const lamps = [await create(as, { name: "Lamp 1" }), await create(as, { name: "Lamp 2" })];
    await create(as, { name: "Nowhere" });
    const locate = (from: string, to: string) =>
      store.relationships.createRelationship({ type: RelationshipType.LOCATED_IN, fromId: from, toId: to }, as);
    await locate(room.id, home.id);
    for (const lamp of lamps) await locate(lamp.id, room.id);
    const before = lamps[1]?.updateTime;
    const list = async (request: object) => {
      const page = await store.entities.listEntities({ includeTotal: true, ...request }, as);
      return [page.entities.map((entity) => entity.name), Number(page.total), page.nextPageToken] as const;
    };
    expect(await list({ locatedInId: home.id })).toEqual([["Room", "Lamp 1", "Lamp 2"], 3, ""]);
    expect(await list({ locatedInId: room.id, nameContains: "2" })).toEqual([["Lamp 2"], 1, ""]);
    const [names, total, pageToken] = await list({ locatedInId: room.id, pageSize: 1 });
    expect([names, total]).toEqual([["Lamp 1"], 2]);
    expect(await list({ locatedInId: room.id, pageSize: 1, pageToken })).toEqual([["Lamp 2"], 2, ""]);
    expect(await list({ locatedInId: home.id, at: before })).toEqual([[], 0, ""]);
    expect(await list({ locatedInId: uuid })).toEqual([[], 0, ""]);
    const stranger = store.entities.listEntities({ locatedInId: home.id, includeTotal: true }, household());
    expect(await stranger).toMatchObject({ entities: [], total: 0n });
  });

  it.each([
    ["page_size", { pageSize: -1 }],
    ["page_size", { pageSize: 1_001 }],
    ["page_token", { pageToken: "made up" }],
    ["types[0]", { types: [0 as EntityType] }],
    ["sources[1]", { sources: [SourceType.MANUAL, 77 as SourceType] }],
    ["located_in_id", { locatedInId: "hall" }],
    ["name_contains", { nameContains: "x".repeat(201) }],
    ["name_contains", { nameContains: "\u0000" }],
    ["at", { at: { seconds: -(10n ** 12n), nanos: 0 } }],
  ])("names the field %s when it is wrong", async (field, request) => {
    expect(await failure(store.entities.listEntities(request, household()))).toMatchObject({
      kind: "invalid",
      fields: [field],
    });
  });

  it("refuses the page token of another household, and of other filters", async () => {
    const as = household();
    for (const name of ["a", "b"]) await create(as, { name });
    const { nextPageToken: pageToken } = await store.entities.listEntities({ pageSize: 1 }, as);
    expect(await failure(store.entities.listEntities({ pageToken }, household()))).toMatchObject({
      fields: ["page_token"],
    });
    expect(await failure(store.entities.listEntities({ pageToken, nameContains: "a" }, as))).toMatchObject({
      fields: ["page_token"],
    });
  });
});
