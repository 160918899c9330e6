// A wall panel: shows the rooms of the home as they are now, and switches a device when its number is typed.
//
//   SYNC_COORDINATOR_URL=http://127.0.0.1:4402 FUNKYGIBBON_TOKEN=… node examples/wall-panel.ts
//
// Both are in .data/endpoints.json of a system that `npm start` runs. Works offline too, also after a power cut: the home is
// in wall-panel.db, and what was typed is sent later.
import { createInterface } from "node:readline";
import type { EntityView } from "@funkygibbon/client/graph-view";
import { openNodeClient } from "@funkygibbon/client/node-client";

const { SYNC_COORDINATOR_URL: url = "http://127.0.0.1:4402", FUNKYGIBBON_TOKEN } = process.env;
if (FUNKYGIBBON_TOKEN === undefined) {
  console.error("FUNKYGIBBON_TOKEN is not set");
  process.exit(1);
}

const panel = await openNodeClient({ url, token: () => FUNKYGIBBON_TOKEN, file: "wall-panel.db" });
let switches: readonly EntityView[] = [];

function draw(): void {
  const { phase, pendingEdits, error } = panel.state;
  const lines = [`── ${phase}${pendingEdits > 0 ? `, ${pendingEdits} edits to send` : ""} ${error?.message ?? ""}`];
  switches = [];
  for (const room of panel.graph.rooms()) {
    lines.push(room.name);
    for (const device of panel.graph.devicesIn(room.id)) {
      switches = [...switches, device];
      const state = typeof device.body.on === "boolean" ? (device.body.on ? "on" : "off") : "";
      lines.push(`  ${String(switches.length).padStart(3)}  ${device.name.padEnd(28)} ${state}`);
    }
  }
  console.log(lines.join("\n"));
}

let due = false;
function drawSoon(): void {
  if (due) return;
  due = true;
  setImmediate(() => {
    due = false;
    draw();
  });
}
panel.onChange(drawSoon);
panel.onState(({ phase }) => {
  if (phase === "live" || phase === "waiting" || phase === "stopped") drawSoon();
});
panel.connect();

const typed = createInterface({ input: process.stdin });
typed.on("line", (line) => {
  const device = switches[Number(line) - 1];
  if (device === undefined) return;
  // Guests only read, and somebody may have deleted it meanwhile.
  panel.update(device.id, { on: device.body.on !== true }).catch((error: Error) => console.log(error.message));
});
typed.on("close", () => void panel[Symbol.asyncDispose]());
