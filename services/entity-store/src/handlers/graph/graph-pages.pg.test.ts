import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { afterAll, beforeAll, expect, it } from "vitest";
import { failure, type RunningStore, startStore } from "../../../test/running-store.ts";
import { smallHome } from "../../../test/small-home.ts";

// More than the candidates of a first page, so that later pages look further than it does.
const LAMPS = 24;
const PAGE = 3;

let store: RunningStore;
let home: ReturnType<typeof smallHome>;
let kitchen: string;
let lamps: readonly string[];

beforeAll(async () => {
  store = await startStore();
  home = smallHome(store);
  kitchen = await home.entity(EntityType.ROOM, { name: "Kitchen" });
  const made: string[] = [];
  // The index lists short names first; whoever ranks prefers words that begin with what was asked.
  for (let nr = 0; nr < LAMPS; nr++) {
    const name = nr % 4 === 0 ? `The best of all the lights: lamp ${nr % 8}` : `Oldlamp ${nr % 3}`;
    const lamp = await home.entity(EntityType.DEVICE, { name, maker: "Hue", ...(nr % 2 === 0 ? { dim: true } : {}) });
    await home.edge(lamp, nr % 2 === 0 ? RelationshipType.LOCATED_IN : RelationshipType.MONITORS, kitchen);
    made.push(lamp);
  }
  lamps = made;
});
afterAll(() => store?.[Symbol.asyncDispose]());

interface Page {
  readonly ids: readonly string[];
  readonly nextPageToken: string;
}

const idOf = ({ entity }: { readonly entity?: { readonly id: string } | undefined }) => entity?.id ?? "";

function neighbours(request: object) {
  return async (pageToken: string): Promise<Page> => {
    const page = await store.graph.getNeighbours({ entityId: kitchen, limit: PAGE, ...request, pageToken }, home.as);
    expect(page.truncated).toBe(page.nextPageToken !== "");
    return { ids: page.neighbours.map(idOf), nextPageToken: page.nextPageToken };
  };
}

async function search(pageToken: string): Promise<Page> {
  const page = await store.graph.searchEntities({ query: "lamp", limit: PAGE, pageToken }, home.as);
  return { ids: page.hits.map(idOf), nextPageToken: page.nextPageToken };
}

async function similar(pageToken: string): Promise<Page> {
  const page = await store.graph.findSimilarEntities({ entityId: lamps[0] ?? "", limit: PAGE, pageToken }, home.as);
  return { ids: page.entities.map(idOf), nextPageToken: page.nextPageToken };
}

async function allPages(read: (pageToken: string) => Promise<Page>): Promise<string[]> {
  const ids: string[] = [];
  let token = "";
  do {
    const page = await read(token);
    expect(page.ids).not.toEqual([]);
    ids.push(...page.ids);
    token = page.nextPageToken;
  } while (token !== "");
  return ids;
}

it("pages through all neighbours in one order, now and as of a time, none twice", async () => {
  const all = await neighbours({ limit: 100 })("");
  expect(await allPages(neighbours({}))).toEqual(all.ids);
  expect(all.ids.toSorted()).toEqual(lamps.toSorted());
  // One more version makes the graph of the lamps' time the past.
  const { entity } = await store.entities.getEntity({ id: lamps.at(-1) ?? "" }, home.as);
  const [seconds, nanos] = [(entity?.updateTime?.seconds ?? 0n) + 60n, 0];
  expect(await allPages(neighbours({ at: { seconds, nanos } }))).toEqual(all.ids);
  const { time } = await renamed(lamps[1] ?? "", "Zzz");
  const before = { seconds: time.seconds, nanos: time.nanos - 1_000 };
  expect(await allPages(neighbours({ at: before }))).toEqual(all.ids);
  await renamed(lamps[1] ?? "", "Oldlamp 1");
});

async function renamed(id: string, name: string) {
  const request = { id, etag: "*", bodyJson: JSON.stringify({ name }), updateMask: { paths: ["name"] } };
  const { entity } = await store.entities.updateEntity(request, home.as);
  const { seconds = 0n, nanos = 0 } = entity?.updateTime ?? {};
  return { time: { seconds, nanos } };
}

it("pages through all that a search finds, none twice, although a first page looks at few", async () => {
  const ids = await allPages(search);
  expect(ids.toSorted()).toEqual(lamps.toSorted());
});

it("pages through all that is like something, none twice", async () => {
  const ids = await allPages(similar);
  expect(ids.toSorted()).toEqual(lamps.slice(1).toSorted());
});

it("refuses a page token of another question", async () => {
  const [around, found, alike] = await Promise.all([neighbours({})(""), search(""), similar("")]);
  const wrong = [
    store.graph.getNeighbours({ entityId: kitchen, limit: PAGE, pageToken: found.nextPageToken }, home.as),
    store.graph.getNeighbours({ entityId: lamps[0] ?? "", pageToken: around.nextPageToken }, home.as),
    store.graph.searchEntities({ query: "light", pageToken: found.nextPageToken }, home.as),
    store.graph.findSimilarEntities({ entityId: lamps[1] ?? "", pageToken: alike.nextPageToken }, home.as),
    store.graph.searchEntities({ query: "lamp", pageToken: "nonsense" }, home.as),
  ];
  for (const fault of await Promise.all(wrong.map(failure))) {
    expect(fault).toMatchObject({ kind: "invalid", fields: ["page_token"] });
  }
});
