import { DomainError } from "@funkygibbon/kernel/errors";
import type { CommandSpec } from "../command.ts";
import type { Gibbon } from "../gibbon.ts";
import { counted, plain } from "../present/look.ts";

/** `gibbon status`. */
export const statusCommand: CommandSpec = {
  name: "status",
  summary: "where you stand: server, replica, what waits to be sent, conflicts",
  examples: [
    { command: "gibbon status", says: "for you" },
    { command: "gibbon status --json | jq .data.pending_edits", says: "for a program" },
  ],
  answers:
    "`profile`, `server`, `connected`, `reason`, `household`, `role`, `device`, `epoch`, `replica`, `entities`, `relationships`, `seq`, `lag`, `digest`, `pending_edits`, `dead_letters`, and from the server `open_conflicts`, `devices`, `connected_devices`",
  async run(gibbon) {
    await using home = await gibbon.openHome();
    const { client, freshness } = home;
    const { state, graph } = client;
    const house = freshness.kind === "live" ? await askHouse(gibbon) : undefined;
    const data = {
      profile: gibbon.settings.profile,
      server: home.server,
      connected: freshness.kind === "live",
      reason: freshness.kind === "live" ? undefined : freshness.error.message,
      household: state.household,
      role: state.role,
      device: client.deviceId,
      epoch: state.epoch,
      replica: gibbon.replicaFile,
      entities: graph.find().length,
      relationships: graph.relationships().length,
      seq: freshness.kind === "live" ? state.upToDateSeq : undefined,
      lag: freshness.kind === "live" ? state.headSeq - state.upToDateSeq : undefined,
      digest: client.digest.toString(16).padStart(16, "0"),
      pending_edits: state.pendingEdits,
      dead_letters: client.deadLetters().map(({ record, version, state: edit }) => ({
        record,
        version,
        ...(edit.kind === "dead" ? edit.rejection : {}),
      })),
      ...house,
    };
    return {
      data,
      lines: ({ bold, dim, green, yellow, red }) => {
        const row = (label: string, text: string) => `${dim(label.padEnd(10))} ${text}`;
        const server = data.connected ? green("connected") : yellow(`offline, ${plain(data.reason ?? "")}`);
        return [
          row("home", `${bold(data.household ?? "?")}${data.role === undefined ? "" : ` as ${data.role}`}`),
          row("server", data.server === undefined ? server : `${data.server}  ${server}`),
          row("device", data.device),
          row(
            "replica",
            `${counted(data.entities, "entity")}, ${counted(data.relationships, "relationship")}  ${dim(data.replica)}`,
          ),
          row("digest", `${data.digest}${data.seq === undefined ? "" : dim(`  at ${data.seq}, ${data.lag} behind`)}`),
          row("to send", data.pending_edits === 0 ? "nothing" : yellow(counted(data.pending_edits, "edit"))),
          ...data.dead_letters.map((letter) =>
            row("rejected", red(plain(`${letter.record}: ${letter.message ?? ""}`))),
          ),
          ...(house === undefined
            ? []
            : [
                row(
                  "conflicts",
                  house.open_conflicts === 0
                    ? "none open"
                    : yellow(`${house.open_conflicts} open: gibbon conflicts settle`),
                ),
                row("devices", `${house.connected_devices} of ${house.devices} connected`),
              ]),
        ];
      },
    };
  },
};

async function askHouse(gibbon: Gibbon) {
  const { graph, sync } = gibbon.services();
  const options = { signal: gibbon.signal };
  try {
    const [{ openConflicts }, { devices }] = await Promise.all([
      graph.getStatistics({}, options),
      sync.listDevices({}, options),
    ]);
    return {
      open_conflicts: Number(openConflicts),
      devices: devices.length,
      connected_devices: devices.filter(({ connected }) => connected).length,
    };
  } catch (error) {
    if (gibbon.signal.aborted || !(error instanceof DomainError)) throw error;
    gibbon.note(`conflicts and devices are not known: ${error.message}`);
    return undefined;
  }
}
