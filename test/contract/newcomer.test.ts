import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { packLibraries } from "../../deploy/packages/pack-libraries.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import { connectDevice, untilEqual } from "../support/node-device.ts";
import { REPOSITORY, runTool } from "../support/run-tool.ts";

/** The program of the quick start, as the README has it. */
function quickStart(): string {
  const readme = readFileSync(join(REPOSITORY, "libs/client/README.md"), "utf8");
  return /```js\n(.*?)```/s.exec(readme)?.[1] ?? "";
}

describe("a newcomer with the packages and an empty folder", () => {
  let system: Constellation;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "newcomer-"));
    const packing = packLibraries(join(folder, "packages"));
    system = await constellation();
    const tarballs = await packing;
    mkdirSync(join(folder, "app"));
    writeFileSync(join(folder, "app/package.json"), '{ "name": "app", "type": "module" }');
    const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    const install = await runTool("npm", ["install", "--prefix", join(folder, "app"), ...quiet, ...tarballs]);
    expect(install).toMatchObject({ code: 0 });
    return async () => {
      await system[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    };
  });

  it("has a synced app by the README's quick start, and finds its home again at the second run", async () => {
    const { tokens } = await system.newHousehold();
    await using phone = await connectDevice(system, { deviceId: "phone", token: tokens.member });
    const run = async () => {
      writeFileSync(join(folder, "app/app.js"), quickStart());
      const environment = { SYNC_COORDINATOR_URL: system.urls.syncCoordinator, FUNKYGIBBON_TOKEN: tokens.owner };
      return runTool(process.execPath, ["app.js"], environment, join(folder, "app"));
    };
    const first = await run();
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain("in the kitchen: [ 'Ceiling light on' ]");
    expect(first.stdout).toMatch(/^device-\S+ is up to date at 4, 2 entities$/m);
    const second = await run();
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(second.stdout).toMatch(/, 4 entities$/m);
    const deviceIn = (output: string) => /^device-\S+/m.exec(output)?.[0];
    expect(deviceIn(second.stdout)).toBe(deviceIn(first.stdout));
    await untilEqual(phone);
    await expect.poll(() => phone.graph.find({ type: "room" }).map(({ name }) => name)).toEqual(["Kitchen", "Kitchen"]);
  });

  it("has gibbon, which brings a home in", async () => {
    const { tokens } = await system.newHousehold();
    const { syncCoordinator, entityStore, conflictResolution } = system.urls;
    const environment = {
      XDG_CONFIG_HOME: join(folder, "config"),
      XDG_DATA_HOME: join(folder, "data"),
      SYNC_COORDINATOR_URL: syncCoordinator,
      ENTITY_STORE_URL: entityStore,
      CONFLICT_RESOLUTION_URL: conflictResolution,
      FUNKYGIBBON_TOKEN: tokens.owner,
    };
    const program = join(folder, "app/node_modules/.bin/gibbon");
    const gibbon = (...words: string[]) => runTool(process.execPath, [program, ...words], environment);
    const imported = await gibbon("import", "libs/importers/fixtures/devices.csv");
    expect([imported.code, imported.stderr]).toEqual([0, ""]);
    expect((await gibbon("tree", "utility room")).stdout).toContain("├─ Boiler");
  });

  it("has types for it all", async () => {
    const app = join(folder, "app");
    // The one thing that the plain JavaScript of the quick start leaves open.
    const program = quickStart()
      .replace(/process\.env\.(\w+)/g, 'String("$1")')
      .replace("hit.entity", "hit!.entity");
    writeFileSync(join(app, "app.ts"), `${program}\nconst wrong: number = home.deviceId;\n`);
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2024", "--module", "nodenext"];
    const libraries = ["--lib", "es2024,esnext,dom", "--types", ""];
    const tsc = join(REPOSITORY, "node_modules/typescript/bin/tsc");
    const { stdout } = await runTool(process.execPath, [tsc, ...options, ...libraries, "app.ts"], {}, app);
    // All that is wrong is what was meant to be.
    expect(stdout.trim().split("\n")).toEqual([expect.stringContaining("Type 'DeviceId' is not assignable")]);
  });

  it("has got JavaScript and declarations alone", () => {
    const own = join(folder, "app/node_modules/@funkygibbon");
    for (const library of readdirSync(own)) {
      const files = readdirSync(join(own, library), { recursive: true }).map(String);
      expect(files.filter((file) => /(?<!\.d)\.ts$|\.test\.|testing/.test(file))).toEqual([]);
      expect(files.filter((file) => file.endsWith(".d.ts")).length).toBeGreaterThan(5);
    }
  });
});
