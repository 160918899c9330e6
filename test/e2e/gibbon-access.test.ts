import { mkdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { type EntityAnswer, GibbonUser, somebody } from "../support/gibbon-command.ts";

// Who gets in with gibbon, and as whom.

// Starting a process takes a second where others work, too.
vi.setConfig({ testTimeout: 60_000 });

let house: Constellation;

beforeAll(async () => {
  house = await constellation();
});
afterAll(() => house[Symbol.asyncDispose]());

describe("logging in", () => {
  it("keeps a profile for this user alone, and says who they are", async () => {
    const villa = await house.newHousehold();
    await using ada = new GibbonUser();
    const addresses = ["--sync", house.urls.syncCoordinator, "--store", house.urls.entityStore];
    const words = ["login", ...addresses, "--conflicts", house.urls.conflictResolution];
    const { code, stdout } = await ada.run(words, { input: `${villa.tokens.owner}\n` });
    expect([code, stdout]).toEqual([0, expect.stringContaining(`logged in as ada, owner of ${villa.id}`)]);
    const file = join(ada.folder, "config/gibbon/default.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await ada.ask("token", "--claims")).data).toMatchObject({
      user: "ada",
      household: villa.id,
      role: "owner",
    });
    expect((await ada.run(["token"])).stdout).toBe(`${villa.tokens.owner}\n`);
  });

  it("by the endpoints.json of a local system reads the token anew at every use", async () => {
    const villa = await house.newHousehold();
    await using ada = new GibbonUser();
    const file = join(ada.folder, "endpoints.json");
    writeFileSync(file, JSON.stringify({ ...house.urls, tokens: villa.tokens }));
    expect((await ada.run(["login", "--endpoints", "endpoints.json", "--role", "member"])).code).toBe(0);
    writeFileSync(file, JSON.stringify({ ...house.urls, tokens: { member: villa.tokens.guest } }));
    expect((await ada.ask("token", "--claims")).data).toMatchObject({ user: "gus" });
  });

  it("finds the local system of its folder, and says what to pass where there is none", async () => {
    const villa = await house.newHousehold();
    await using ada = new GibbonUser();
    const nowhere = await ada.run(["login"]);
    expect([nowhere.code, nowhere.stderr]).toEqual([
      2,
      expect.stringMatching(
        /^gibbon: no local system runs in .* say --endpoints FILE, which is \.data\/endpoints\.json/,
      ),
    ]);
    const file = join(ada.folder, ".data/endpoints.json");
    mkdirSync(dirname(file));
    writeFileSync(file, JSON.stringify({ ...house.urls, tokens: villa.tokens }));
    const { code, stdout } = await ada.run(["login", "--role", "guest"]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`logged in as gus, guest of ${villa.id}\nby ${realpathSync(file)}\n`),
    ]);
    expect(await ada.run(["login", "--endpoints", file, "--sync", house.urls.syncCoordinator])).toMatchObject({
      code: 2,
    });
    expect(await ada.run(["login", "--sync", house.urls.syncCoordinator])).toMatchObject({
      code: 2,
      stderr: "gibbon: say all of --sync, --store and --conflicts\n",
    });
  });

  it("keeps nothing that the server does not take", async () => {
    await using eve = new GibbonUser();
    const [head = "", , signature = ""] = house.tokens.owner.split(".");
    const forged = [head, Buffer.from('{"sub":"eve"}').toString("base64url"), signature].join(".");
    expect(await eve.login(house.urls, forged)).toMatchObject({ code: 5 });
    expect(await eve.login(house.urls, "nonsense")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("that is no token"),
    });
    const { owner } = (await house.newHousehold()).tokens;
    const swapped = { ...house.urls, syncCoordinator: house.urls.entityStore };
    expect(await eve.login(swapped, owner)).toMatchObject({
      code: 4,
      stderr: `gibbon: ${house.urls.entityStore} answers HTTP 404\n`,
    });
    expect(await eve.ask("ls")).toMatchObject({ code: 7, error: { reason: "NOT_SET_UP" } });
  });

  it("is not needed where the environment names the home, and says what is missing of it", async () => {
    const { tokens } = await house.newHousehold();
    await using ada = new GibbonUser(endpointsOf(house));
    expect(await ada.ask("ls")).toMatchObject({
      code: 7,
      error: { message: expect.stringContaining("set FUNKYGIBBON_TOKEN too") },
    });
    expect((await ada.run(["ls"], { environment: { FUNKYGIBBON_TOKEN: tokens.member } })).code).toBe(0);
  });
});

describe("a guest", () => {
  it("changes nothing, and nobody but an owner forgets a device", async () => {
    const villa = await house.newHousehold();
    await using ada = await somebody(house, villa);
    await ada.ask("create", "room", "Study");
    await using gus = await somebody(house, villa, "guest");
    expect((await gus.ask("ls")).data).toMatchObject([{ name: "Study" }]);
    expect(await gus.ask("create", "room", "Attic")).toMatchObject({ code: 5, error: { reason: "READ_ONLY_ROLE" } });
    expect((await gus.ask("devices", "--forget", "anything")).code).toBe(5);
  });
});

describe("a token", () => {
  it("that has expired stops nobody from reading and editing, and is told", async () => {
    const villa = await house.newHousehold();
    await using ada = await somebody(house, villa);
    await ada.ask("create", "room", "Study");
    const expired = await villa.mint({ ttlSeconds: -10 });
    const as = (token: string) => ({ ...endpointsOf(house), FUNKYGIBBON_TOKEN: token });
    const { code, stderr } = await ada.run(["create", "room", "Attic"], { environment: as(expired) });
    expect([code, stderr]).toEqual([0, "offline: the token has expired: gibbon login takes another\n"]);
    expect(await ada.run(["sync"], { environment: as(expired) })).toMatchObject({ code: 5 });
    expect((await ada.ask("sync")).data).toMatchObject({ delivery: "synced", entities: 2 });
  });

  it("of another home is not taken for this one's", async () => {
    const [villa, cabin] = await Promise.all([house.newHousehold(), house.newHousehold()]);
    await using ada = await somebody(house, villa);
    await ada.ask("create", "room", "Study");
    expect(await ada.login(house.urls, cabin.tokens.owner)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(new RegExp(`has the home ${villa.id} on .*, and this token is for ${cabin.id}`)),
    });
    expect((await ada.ask<EntityAnswer[]>("ls")).data).toMatchObject([{ name: "Study" }]);
    const as = { ...endpointsOf(house), FUNKYGIBBON_TOKEN: cabin.tokens.owner };
    expect(await ada.run(["ls"], { environment: as })).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("another home"),
    });
    expect(await ada.ask("ls", "--profile", "cabin")).toMatchObject({ code: 7 });
  });
});

function endpointsOf({ urls }: Constellation): Record<string, string> {
  return {
    SYNC_COORDINATOR_URL: urls.syncCoordinator,
    ENTITY_STORE_URL: urls.entityStore,
    CONFLICT_RESOLUTION_URL: urls.conflictResolution,
  };
}
