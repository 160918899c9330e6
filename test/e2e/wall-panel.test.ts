import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { loadDemoHome } from "../../examples/demo/load-demo-home.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import { connectDevice } from "../support/node-device.ts";
import { REPOSITORY } from "../support/run-tool.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** Whatever a panel has shown so far. */
interface Panel {
  shown: string;
  type(line: string): void;
  /** Takes its keyboard away. @returns how it ends then. */
  end(): Promise<unknown>;
}

/** Plays `play` with a panel in a folder of its own. */
async function withPanel(token: string, play: (panel: Panel) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "wall-panel-"));
  const environment = { SYNC_COORDINATOR_URL: system.urls.syncCoordinator, FUNKYGIBBON_TOKEN: token };
  const child = spawn(process.execPath, [join(REPOSITORY, "examples/wall-panel.ts")], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const panel: Panel = {
    shown: "",
    type: (line) => child.stdin.write(`${line}\n`),
    end: () => {
      const ended = once(child, "exit");
      child.stdin.end();
      return ended;
    },
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    panel.shown += text;
  });
  try {
    await play(panel);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

const numberOfKettle = ({ shown }: Panel) => /^ +(\d+) {2}Kettle plug/m.exec(shown)?.[1];

describe("the example of a wall panel", () => {
  it("shows the home and switches what is typed", async () => {
    const { tokens } = await system.newHousehold();
    await loadDemoHome({ url: system.urls.syncCoordinator, token: tokens.owner });
    await using phone = await connectDevice(system, { deviceId: "phone", token: tokens.member });
    await withPanel(tokens.owner, async (panel) => {
      await expect.poll(() => numberOfKettle(panel)).toBeDefined();
      const isOn = () => phone.graph.find({ type: "device", name: "Kettle plug" })[0]?.body.on;
      const before = isOn();
      panel.type(numberOfKettle(panel) ?? "");
      await expect.poll(isOn).toBe(before !== true);
      expect(await panel.end()).toEqual([0, null]);
    });
  });

  it("tells a guest who types that guests only read, and goes on", async () => {
    const { tokens } = await system.newHousehold();
    await loadDemoHome({ url: system.urls.syncCoordinator, token: tokens.owner });
    await withPanel(tokens.guest, async (panel) => {
      await expect.poll(() => panel.shown.includes("── live") && numberOfKettle(panel)).toBeTruthy();
      panel.type(numberOfKettle(panel) ?? "");
      await expect.poll(() => panel.shown).toContain("a guest only reads");
      expect(await panel.end()).toEqual([0, null]);
    });
  });
});
