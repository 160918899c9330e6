import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { loadDemoHome } from "../../examples/demo/load-demo-home.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import { connectDevice } from "../support/node-device.ts";
import { REPOSITORY } from "../support/run-tool.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

it("the example of a wall panel shows the home and switches what is typed", async () => {
  const { tokens } = await system.newHousehold();
  await loadDemoHome({ url: system.urls.syncCoordinator, token: tokens.owner });
  await using phone = await connectDevice(system, { deviceId: "phone", token: tokens.member });
  const folder = mkdtempSync(join(tmpdir(), "wall-panel-"));
  const environment = { SYNC_COORDINATOR_URL: system.urls.syncCoordinator, FUNKYGIBBON_TOKEN: tokens.owner };
  const panel = spawn(process.execPath, [join(REPOSITORY, "examples/wall-panel.ts")], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let shown = "";
  panel.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  try {
    await expect.poll(() => /^ +(\d+) {2}Kettle plug/m.exec(shown)?.[1]).toBeDefined();
    const isOn = () => phone.graph.find({ type: "device", name: "Kettle plug" })[0]?.body.on;
    const before = isOn();
    panel.stdin.write(`${/^ +(\d+) {2}Kettle plug/m.exec(shown)?.[1]}\n`);
    await expect.poll(isOn).toBe(before !== true);
    panel.stdin.end();
    expect(await once(panel, "exit")).toEqual([0, null]);
  } finally {
    panel.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});
