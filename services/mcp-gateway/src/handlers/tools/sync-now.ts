import { nearestNames } from "@funkygibbon/kernel/nearest-names";
import { z } from "zod";
import type { SyncDevice } from "../../domain/device-sync.ts";
import { invalidArguments } from "../../domain/tool-fault.ts";
import { count } from "../present.ts";
import { defineTool } from "../tool.ts";

const SHOWN = 100;

/** Asks devices to sync and says how far each is. */
export const syncNow = defineTool({
  name: "sync_now",
  title: "Sync devices now",
  description:
    "Asks one device, or all connected ones, to sync now. Returns how many were asked and how far each device is " +
    "behind. Offline devices catch up by themselves when they return.",
  access: "write",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    device_id: z.string().trim().min(1).max(64).describe("Omit for all").optional(),
    reason: z.string().trim().min(1).max(200).default("asked by an assistant"),
    dry_run: z.boolean().default(false).describe("Ask nobody, only tell"),
  }),
  output: z.object({
    devices_asked: z.int(),
    dry_run: z.boolean(),
    devices: z.array(
      z.object({
        device_id: z.string(),
        connected: z.boolean(),
        behind: z.int().describe("Changes not yet received"),
        last_seen: z.string().optional(),
        platform: z.string(),
      }),
    ),
  }),
  async run(input, context) {
    const known = await context.devices.listDevices(context.call);
    const wanted = input.device_id;
    const concerned = wanted === undefined ? known : known.filter(({ deviceId }) => deviceId === wanted);
    if (wanted !== undefined && concerned.length === 0) throw unknownDevice(wanted, known);
    const asked = input.dry_run
      ? concerned.filter(({ connected }) => connected).length
      : await context.devices.requestSync(context.call, { deviceId: wanted, reason: input.reason });
    const shown = concerned.slice(0, SHOWN);
    const verb = input.dry_run ? "Would ask" : "Asked";
    return {
      text: [`${verb} ${count(asked, "connected device")} to sync.`, ...shown.map(deviceLine)].join("\n"),
      data: { devices_asked: asked, dry_run: input.dry_run, devices: shown.map(presentDevice) },
    };
  },
});

function unknownDevice(wanted: string, known: readonly SyncDevice[]) {
  const ids = known.map(({ deviceId }) => deviceId);
  const nearest = nearestNames(wanted, ids, { nameOf: (id) => id, limit: 3 });
  return invalidArguments([
    { field: "device_id", problem: "is no device of this household", allowed: ids.slice(0, SHOWN), nearest },
  ]);
}

function deviceLine({ deviceId, connected, behind }: SyncDevice): string {
  return `- ${deviceId}: ${connected ? "connected" : "offline"}, ${count(behind, "change")} behind`;
}

function presentDevice(device: SyncDevice) {
  return {
    device_id: device.deviceId,
    connected: device.connected,
    behind: device.behind,
    ...(device.lastSeen === undefined ? {} : { last_seen: device.lastSeen }),
    platform: device.platform,
  };
}
