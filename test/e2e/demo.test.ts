import { beforeAll, describe, expect, it } from "vitest";
import { MAPLE_STREET } from "../../examples/demo/home-files.ts";
import { loadDemoHome } from "../../examples/demo/load-demo-home.ts";
import { Narrator } from "../../examples/demo/narrator.ts";
import { paletteFor } from "../../examples/demo/palette.ts";
import { playStory } from "../../examples/demo/story.ts";
import { type Constellation, constellation } from "../support/constellation.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

describe("the demo", () => {
  it("keeps every promise that it makes", { timeout: 60_000 }, async () => {
    const household = await system.newHousehold();
    const { syncCoordinator, mcpGateway } = system.urls;
    const lines: string[] = [];
    const palette = paletteFor(false);
    const narrator = new Narrator(palette, (line) => lines.push(line));
    await playStory({
      system: {
        syncCoordinator,
        mcpGateway,
        token: (user, role) => household.mint({ user, role }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      home: MAPLE_STREET,
      narrator,
      palette,
      signal: AbortSignal.timeout(50_000),
    });
    expect(narrator.checked).toBe(16);
    expect(lines.join("\n")).toContain("Maple Street 12\n");
  });

  it("loads its home once", async () => {
    const household = await system.newHousehold();
    const target = { url: system.urls.syncCoordinator, token: household.tokens.owner };
    const first = await loadDemoHome(target);
    expect(first.created).toBe(141);
    expect(await loadDemoHome(target)).toEqual({
      created: 0,
      restored: 0,
      updated: 0,
      unchanged: 141,
      kept: 0,
      skipped: 0,
    });
  });
});
