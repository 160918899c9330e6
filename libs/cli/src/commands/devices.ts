import type { CommandSpec } from "../command.ts";
import { plain } from "../present/look.ts";
import { agoText } from "../present/moment.ts";
import { table } from "../present/table.ts";
import { isoOf } from "../wire-data.ts";

/** `gibbon devices`. */
export const devicesCommand: CommandSpec = {
  name: "devices",
  summary: "the phones, panels and programs that keep this home: who is connected, and how far behind",
  options: [{ flags: "--forget <device>", help: "unbind a device and end its session; owners only" }],
  examples: [
    { command: "gibbon devices", says: "all of them" },
    { command: "gibbon devices --forget old-phone", says: "a phone that was given away" },
  ],
  answers:
    "a list of `id`, `user`, `connected`, `since`, `last_seen`, `lag`, `client_version`, `platform`; with --forget `forgotten`",
  async run(gibbon, input) {
    const { sync } = gibbon.services();
    const forget = input.text("forget");
    if (forget !== undefined) {
      await sync.forgetDevice({ deviceId: forget }, { signal: gibbon.signal });
      return { data: { forgotten: forget }, lines: ({ green }) => [`${green("forgotten")} ${plain(forget)}`] };
    }
    const { devices } = await sync.listDevices({}, { signal: gibbon.signal });
    const rows = devices.map((device) => ({
      id: device.deviceId,
      user: device.userId,
      connected: device.connected,
      since: isoOf(device.connectedSince),
      last_seen: isoOf(device.lastSeen),
      lag: Number(device.lag),
      client_version: device.clientVersion,
      platform: device.platform,
    }));
    return {
      data: rows,
      lines: (look) => {
        type Row = (typeof rows)[number];
        const seen = ({ last_seen: at }: Row) => (at === undefined ? "" : agoText(Date.parse(at), look.nowMs));
        const columns = [
          { title: "", of: ({ connected }: Row) => (connected ? "●" : "○"), paint: look.green },
          { title: "device", of: ({ id }: Row) => plain(id) },
          { title: "user", of: ({ user }: Row) => plain(user), paint: look.cyan },
          { title: "seen", of: (row: Row) => (row.connected ? "connected" : seen(row)) },
          { title: "behind", of: ({ lag }: Row) => String(lag), align: "right" as const },
          { title: "is", of: (row: Row) => plain(`${row.client_version} ${row.platform}`), paint: look.dim },
        ];
        return table(rows, columns, { width: look.width, title: look.bold });
      },
    };
  },
};
