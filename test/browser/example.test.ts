import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadDemoHome } from "../../examples/demo/load-demo-home.ts";
import { launchChromium } from "../support/chromium.ts";
import { constellation } from "../support/constellation.ts";
import { connectDevice } from "../support/node-device.ts";
import { REPOSITORY } from "../support/run-tool.ts";
import { servePage } from "../support/web-page.ts";

describe("the example of a browser page", () => {
  it("shows the home, switches a device on every other one, and goes on without a network", {
    timeout: 90_000,
  }, async () => {
    await using page = await servePage("examples/browser");
    await using system = await constellation({ environment: { CORS_ORIGINS: page.origin } });
    const { tokens } = await system.newHousehold();
    await loadDemoHome({ url: system.urls.syncCoordinator, token: tokens.owner });
    await using panel = await connectDevice(system, { deviceId: "panel", token: tokens.member });
    const browser = await launchChromium();
    try {
      const tab = await browser.newPage({ viewport: { width: 720, height: 900 } });
      await tab.goto(`${page.url}#url=${system.urls.syncCoordinator}&token=${tokens.owner}`);
      await tab.getByText("Kettle plug").waitFor();
      expect(await tab.locator("h2").allTextContents()).toEqual(panel.graph.rooms().map(({ name }) => name));

      const kettleIsOn = () => panel.graph.find({ name: "Kettle plug", type: "device" })[0]?.body.on;
      await tab.getByLabel("Kettle plug").check();
      await expect.poll(kettleIsOn).toBe(true);

      await tab.context().setOffline(true);
      await tab.getByLabel("Kettle plug").uncheck();
      await tab.getByText("to send").waitFor();
      await tab.context().setOffline(false);
      await expect.poll(kettleIsOn).toBe(false);

      await tab.getByPlaceholder("Search").fill("redaing lam");
      await tab.getByText("Found").waitFor();
      expect(await tab.locator("label").allTextContents()).toEqual(["Reading lamp"]);
      await tab.getByPlaceholder("Search").fill("");
      if (process.env.SCREENSHOTS !== undefined) {
        mkdirSync(process.env.SCREENSHOTS, { recursive: true });
        await tab.screenshot({ path: join(process.env.SCREENSHOTS, "browser-example.png") });
      }
    } finally {
      await browser.close();
    }
  });

  it("has at most sixty lines, as the wall panel", () => {
    for (const example of ["browser/home.ts", "wall-panel.ts"]) {
      const source = readFileSync(join(REPOSITORY, "examples", example), "utf8");
      expect(source.trimEnd().split("\n").length).toBeLessThanOrEqual(60);
    }
  });
});
