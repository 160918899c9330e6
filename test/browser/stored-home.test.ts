import type { BrowserContext, Page } from "playwright-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { servePage, type WebPage } from "../support/web-page.ts";
import "./page/main.ts";

let page: WebPage;
let newProfile: () => Promise<BrowserContext>;
beforeAll(async () => {
  await using opened = new AsyncDisposableStack();
  page = opened.use(await servePage("test/browser/page"));
  const browser = opened.adopt(await launchChromium(), (it) => it.close());
  newProfile = () => browser.newContext();
  const all = opened.move();
  return () => all.disposeAsync();
});

let tab: Page;
beforeEach(async () => {
  tab = await (await newProfile()).newPage();
  await tab.goto(page.url);
});
afterEach(() => tab.context().close());

interface OldDatabase {
  readonly format: number;
  /** Rooms of the base, put one by one as the first format did. */
  readonly rooms: number;
}

/** Makes the database `home` as an older or newer release would, with an edit that was never sent. */
function makeDatabase({ format, rooms }: OldDatabase): Promise<void> {
  return tab.evaluate(
    ({ format, rooms }) =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.open("home", format);
        request.onerror = () => reject(request.error);
        request.onupgradeneeded = () => {
          const database = request.result;
          const meta = database.createObjectStore("meta");
          const records = database.createObjectStore("records", { keyPath: "record" });
          const edits = database.createObjectStore("edits", { keyPath: "version" });
          database.createObjectStore("writes", { keyPath: "number" });
          const idOf = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;
          const room = (n: number, name: string) => ({
            record: idOf(n),
            version: `2026-01-01T00:00:00.000Z-tab-${String(n).padStart(6, "0")}`,
            parents: [],
            content: { kind: "entity", type: "room", source: "manual", bodyJson: JSON.stringify({ name }) },
            deleted: false,
            sequence: n,
            claimedUs: Date.UTC(2026, 0) * 1_000,
          });
          for (let n = 1; n <= rooms; n++) {
            const base = { ...room(n, `Room ${n}`), seq: n, author: "ada", device: "tab", stamps: [] };
            records.put({ ...base, effectiveUs: base.claimedUs });
          }
          const unsent = { wish: undefined, changedKeys: [], state: { kind: "unsent" } };
          edits.put({ ...room(rooms + 1, "Attic"), ...unsent });
          const device = {
            deviceId: "tab",
            household: "home",
            epoch: undefined,
            cursor: "c",
            sessionKey: new Uint8Array(),
          };
          const counters = { lastClaimedUs: Date.UTC(2026, 0) * 1_000, lastSequence: rooms + 1, vectorClock: {} };
          meta.put({ meta: { ...device, ...counters, forked: false }, writes: rooms }, "device");
        };
        request.onsuccess = () => {
          request.result.close();
          resolve();
        };
      }),
    { format, rooms },
  );
}

/** Opens it after a reload, without a server. @returns what is there, or the reason why it cannot be had. */
async function openAgain() {
  await tab.reload();
  return tab.evaluate(async () => {
    try {
      globalThis.home = await globalThis.openHome({ url: "http://127.0.0.1:1", token: () => "none", database: "home" });
    } catch (error) {
      return { reason: error instanceof Error && "reason" in error ? error.reason : String(error) };
    }
    const { state, graph, deviceId, digest } = globalThis.home;
    const rooms = graph.rooms().map(({ name }) => name);
    return {
      deviceId,
      pending: state.pendingEdits,
      count: rooms.length,
      rooms: rooms.slice(0, 3),
      digest: `${digest}`,
    };
  });
}

/** How many values some stores of the database have. */
function valuesOf(...stores: string[]): Promise<Record<string, number>> {
  return tab.evaluate(
    (stores) =>
      new Promise<Record<string, number>>((resolve, reject) => {
        const request = indexedDB.open("home");
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const database = request.result;
          const tx = database.transaction(stores);
          const counts = stores.map((name) => [name, tx.objectStore(name).count()] as const);
          tx.oncomplete = () => {
            database.close();
            resolve(Object.fromEntries(counts.map(([name, count]) => [name, count.result])));
          };
        };
      }),
    stores,
  );
}

describe("a home that a browser has stored", () => {
  it("by the first release is brought along, its unsent edits too", async () => {
    await makeDatabase({ format: 1, rooms: 5_000 });
    const before = await openAgain();
    expect(before).toMatchObject({ deviceId: "tab", pending: 1, count: 5_001, rooms: ["Attic", "Room 1", "Room 10"] });
    expect(await valuesOf("records", "pages", "edits")).toEqual({ records: 0, pages: 10, edits: 1 });
    await tab.evaluate(() => globalThis.home.create({ type: "room", body: { name: "Bath" } }));
    expect(await openAgain()).toEqual({ ...before, pending: 2, count: 5_002, rooms: ["Attic", "Bath", "Room 1"] });
  });

  it("by a newer release is left alone, and told as STORE_TOO_NEW", async () => {
    await makeDatabase({ format: 99, rooms: 1 });
    expect(await openAgain()).toEqual({ reason: "STORE_TOO_NEW" });
    expect(await valuesOf("records", "edits")).toEqual({ records: 1, edits: 1 });
  });

  it.each([1, 2])(
    "by another program, which calls its form %i, is left alone, and told as STORE_CORRUPT",
    async (format) => {
      const openTheirs = (version?: number) =>
        tab.evaluate(
          (version) =>
            new Promise<readonly unknown[]>((resolve, reject) => {
              const request = indexedDB.open("home", version);
              request.onerror = () => reject(request.error);
              request.onupgradeneeded = () => request.result.createObjectStore("recipes");
              request.onsuccess = () => {
                const { version, objectStoreNames } = request.result;
                request.result.close();
                resolve([version, ...objectStoreNames]);
              };
            }),
          version,
        );
      await openTheirs(format);
      expect(await openAgain()).toEqual({ reason: "STORE_CORRUPT" });
      expect(await openTheirs()).toEqual([format, "recipes"]);
    },
  );
});
