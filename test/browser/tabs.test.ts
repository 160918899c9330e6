import type { Client } from "@funkygibbon/client/client";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { connectDevice, within } from "../support/node-device.ts";
import { servePage, type WebPage } from "../support/web-page.ts";
import "./page/main.ts";

let page: WebPage;
let system: Constellation;
let browser: Browser;
beforeAll(async () => {
  await using opened = new AsyncDisposableStack();
  page = opened.use(await servePage("test/browser/page"));
  system = opened.use(await constellation({ environment: { CORS_ORIGINS: page.origin } }));
  browser = opened.adopt(await launchChromium(), (it) => it.close());
  const all = opened.move();
  return () => all.disposeAsync();
});

let household: TestHousehold;
/** One person's browser: its tabs share what is stored. */
let profile: BrowserContext;
let panel: Client;
beforeEach(async () => {
  household = await system.newHousehold();
  profile = await browser.newContext();
  panel = await connectDevice(system, { deviceId: "panel", token: household.tokens.member });
});
afterEach(async () => {
  await profile.close();
  await panel[Symbol.asyncDispose]();
});

/** A tab with its client open, and connected unless told otherwise. */
async function openTab(options: { connect?: boolean; tab?: Page } = {}): Promise<Page> {
  const tab = options.tab ?? (await profile.newPage());
  if (options.tab === undefined) await tab.goto(page.url);
  const { connect = true } = options;
  await tab.evaluate(
    async ({ url, token, connect }) => {
      globalThis.home = await globalThis.openHome({ url, token: () => token, database: "home" });
      if (connect) globalThis.home.connect();
    },
    { url: system.urls.syncCoordinator, token: household.tokens.owner, connect },
  );
  return tab;
}

const create = (tab: Page, name: string) =>
  tab.evaluate((name) => globalThis.home.create({ type: "room", body: { name } }), name);

const roomsIn = (tab: Page) => tab.evaluate(() => globalThis.home.graph.rooms().map((room) => room.name));
const roomsOf = (client: Client) => client.graph.rooms().map((room) => room.name);
const stateOf = (tab: Page) => tab.evaluate(() => globalThis.home.state);
const digestOf = (tab: Page) => tab.evaluate(() => globalThis.home.digest.toString());

async function untilAllHave(rooms: readonly string[], tabs: readonly Page[]): Promise<void> {
  await expect.poll(() => roomsOf(panel)).toEqual(rooms);
  for (const tab of tabs) await expect.poll(() => roomsIn(tab)).toEqual(rooms);
  for (const tab of tabs) await tab.evaluate(() => globalThis.home.settled(AbortSignal.timeout(10_000)));
  await panel.settled(within());
  for (const tab of tabs) await expect.poll(() => digestOf(tab)).toBe(panel.digest.toString());
}

describe("two tabs of a browser", () => {
  it("and a Node device see each other's edits, and end with one digest", async () => {
    const [left, right] = [await openTab(), await openTab()];
    await create(left, "Attic");
    await create(right, "Bath");
    await panel.create({ type: "room", body: { name: "Cellar" } });
    await untilAllHave(["Attic", "Bath", "Cellar"], [left, right]);
  });

  it("are one device, of which one tab syncs", async () => {
    const [left, right] = [await openTab(), await openTab()];
    await create(left, "Attic");
    await create(right, "Bath");
    await untilAllHave(["Attic", "Bath"], [left, right]);
    expect((await stateOf(left)).deviceId).toBe((await stateOf(right)).deviceId);
    const { devices } = await system.clients.sync.listDevices({}, { token: household.tokens.owner });
    expect(devices.map(({ deviceId }) => deviceId).sort()).toEqual(["panel", (await stateOf(left)).deviceId].sort());
  });

  it("edit without a network, one upon the other, and lose nothing when it is back", async () => {
    const [left, right] = [await openTab(), await openTab()];
    const attic = await create(left, "Attic");
    await untilAllHave(["Attic"], [left, right]);
    await profile.setOffline(true);
    await create(left, "Bath");
    await expect.poll(() => roomsIn(right)).toEqual(["Attic", "Bath"]);
    await right.evaluate((id) => globalThis.home.update(id, { name: "Loft", floor: 3 }), attic);
    await expect.poll(() => roomsIn(left)).toEqual(["Bath", "Loft"]);
    await left.evaluate((id) => globalThis.home.update(id, { floor: 4 }), attic);
    await panel.update(attic, { area: 12 });
    await profile.setOffline(false);
    await right.evaluate(() => globalThis.home.retryNow());
    await untilAllHave(["Bath", "Loft"], [left, right]);
    expect(panel.get(attic)).toMatchObject({ body: { name: "Loft", floor: 4, area: 12 } });
  });

  it("go on after a stop whichever of them is asked to connect again", async () => {
    const tabs = [await openTab(), await openTab()];
    await create(tabs[0] as Page, "Attic");
    await untilAllHave(["Attic"], tabs);
    for (const asked of tabs) {
      const { deviceId } = await stateOf(asked);
      await system.clients.sync.forgetDevice({ deviceId }, { token: household.tokens.owner });
      for (const tab of tabs) await expect.poll(() => stateOf(tab)).toMatchObject({ stopReason: "forgotten" });
      await asked.evaluate(() => globalThis.home.connect());
      for (const tab of tabs) await expect.poll(() => stateOf(tab)).toMatchObject({ phase: "live" });
    }
  });

  it("hand the sync over when the tab that does it goes away", async () => {
    const left = await openTab();
    const right = await openTab();
    await left.evaluate(() => globalThis.home.settled(AbortSignal.timeout(10_000)));
    await left.close({ runBeforeUnload: false });
    await create(right, "Attic");
    await untilAllHave(["Attic"], [right]);
  });
});

describe("a tab that is loaded again", () => {
  it("has the home and its own unsent edits at once, without a network", async () => {
    const tab = await openTab();
    await panel.create({ type: "room", body: { name: "Cellar" } });
    await create(tab, "Attic");
    await untilAllHave(["Attic", "Cellar"], [tab]);
    await tab.evaluate(() => globalThis.home.disconnect());
    await create(tab, "Bath");
    const before = await stateOf(tab);
    await tab.reload();
    await openTab({ tab, connect: false });
    expect(await roomsIn(tab)).toEqual(["Attic", "Bath", "Cellar"]);
    expect(await stateOf(tab)).toMatchObject({ deviceId: before.deviceId, pendingEdits: 1, phase: "offline" });
    await tab.evaluate(() => globalThis.home.connect());
    await untilAllHave(["Attic", "Bath", "Cellar"], [tab]);
  });
});

describe("a tab that goes away while it writes", () => {
  it("has kept what it was asked for before its client was closed", async () => {
    const tab = await openTab({ connect: false });
    const reasons = await tab.evaluate(async () => {
      const edits = ["Attic", "Bath"].map((name) => globalThis.home.create({ type: "room", body: { name } }));
      await globalThis.home[Symbol.asyncDispose]();
      const late = globalThis.home.create({ type: "room", body: { name: "Cellar" } });
      return (await Promise.allSettled([...edits, late])).map((done) =>
        "reason" in done ? done.reason.reason : "kept",
      );
    });
    expect(reasons).toEqual(["kept", "kept", "CLIENT_CLOSED"]);
    await tab.reload();
    await openTab({ tab, connect: false });
    expect(await roomsIn(tab)).toEqual(["Attic", "Bath"]);
  });

  it("has kept all that it was told was kept, each edit whole, and nobody else has to wait for it", async () => {
    const other = await openTab();
    let kept = 0;
    const tab = await profile.newPage();
    await tab.exposeFunction("wasKept", () => {
      kept += 1;
    });
    await tab.goto(page.url);
    await openTab({ tab });
    await tab.evaluate(() => {
      const { wasKept } = globalThis as unknown as { wasKept(): void };
      const editOn = async (n: number): Promise<void> => {
        await globalThis.home.edit((editor) => {
          const device = editor.create({ type: "device", body: { name: `Lamp ${n}` } });
          const room = editor.create({ type: "room", body: { name: `Room ${n}` } });
          editor.relate({ type: "located_in", from: device, to: room });
        });
        wasKept();
        return editOn(n + 1);
      };
      for (const first of [0, 1_000, 2_000]) void editOn(first);
    });
    await expect.poll(() => kept).toBeGreaterThan(20);
    await tab.close({ runBeforeUnload: false });
    await create(other, "Attic");
    await other.evaluate(() => globalThis.home.settled(AbortSignal.timeout(10_000)));
    const [devices, rooms, edges] = await other.evaluate(() => [
      globalThis.home.graph.find({ type: "device" }).length,
      globalThis.home.graph.rooms().length - 1,
      globalThis.home.graph.relationships().length,
    ]);
    expect(rooms).toBeGreaterThanOrEqual(kept);
    expect([devices, edges]).toEqual([rooms, rooms]);
    await panel.settled(within());
    await expect.poll(() => panel.graph.rooms().length - 1).toBe(rooms);
    expect(await digestOf(other)).toBe(panel.digest.toString());
  });
});

describe("tabs of a home of which much has changed at once", () => {
  it("have it all, with what was edited one by one before and since, also when they are loaded again", async () => {
    const [left, right] = [await openTab(), await openTab()];
    const nameAll = (ids: readonly string[], name: (n: number) => string) =>
      panel.edit((editor) => {
        for (const [n, id] of ids.entries()) editor.update(id, { name: name(n) });
      });
    const rooms = await panel.edit((editor) =>
      Array.from({ length: 120 }, (_, n) => editor.create({ type: "room", body: { name: `Room ${n}` } })),
    );
    const numbers = [...rooms.keys()].map((n) => String(n).padStart(3, "0"));
    await panel.settled(within());
    for (const [n, id] of rooms.slice(0, 3).entries()) await panel.update(id, { name: `Den ${n}` });
    await panel.settled(within());
    await nameAll(rooms, (n) => `Room ${numbers[n]}`);
    await panel.update(rooms[1] ?? "", { name: "Attic" });
    const expected = ["Attic", ...numbers.filter((_, n) => n !== 1).map((number) => `Room ${number}`)];
    await untilAllHave(expected, [left, right]);
    for (const tab of [left, right]) {
      await tab.reload();
      await openTab({ tab, connect: false });
      expect(await roomsIn(tab)).toEqual(expected);
      expect(await digestOf(tab)).toBe(panel.digest.toString());
    }
  });
});

describe("a browser that has no room left", () => {
  it("refuses the edit as STORE_FULL, loses nothing, and takes it once there is room", async () => {
    const tab = await profile.newPage();
    await tab.goto(page.url);
    const devtools = await profile.newCDPSession(tab);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: page.origin, quotaSize: 1_500_000 });
    await openTab({ tab });
    await create(tab, "Attic");
    await untilAllHave(["Attic"], [tab]);
    const editLarge = () =>
      tab.evaluate(async () => {
        try {
          await globalThis.home.edit((editor) => {
            for (let n = 0; n < 40; n++)
              editor.create({ type: "room", body: { name: "Hall", note: "x".repeat(60_000) } });
          });
          return "none";
        } catch (error) {
          return error instanceof Error && "reason" in error ? error.reason : String(error);
        }
      });
    expect(await editLarge()).toBe("STORE_FULL");
    expect(await roomsIn(tab)).toEqual(["Attic"]);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: page.origin });
    expect(await editLarge()).toBe("none");
    await untilAllHave(["Attic", ...Array.from({ length: 40 }, () => "Hall")], [tab]);
  });
});
