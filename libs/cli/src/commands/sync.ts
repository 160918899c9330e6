import { once } from "node:events";
import type { ReplicaChange } from "@funkygibbon/client/local-replica";
import type { CommandSpec } from "../command.ts";
import type { Gibbon } from "../gibbon.ts";
import { deliveryOf, type Home } from "../home.ts";
import { recordTitle } from "../present/entity.ts";
import { counted, shortId } from "../present/look.ts";
import { timeText } from "../present/moment.ts";
import { interrupted } from "../prompts.ts";
import { usageError } from "../usage-error.ts";

/** `gibbon sync`. */
export const syncCommand: CommandSpec = {
  name: "sync",
  summary: "bring this machine and the server together",
  details:
    "With --watch it stays connected and tells each change as it happens, until Ctrl-C; with --json a line per change.",
  options: [
    { flags: "-w, --watch", help: "stay, and tell what changes" },
    { flags: "--discard", help: "forget edits that were rejected; gibbon status lists them" },
  ],
  examples: [
    { command: "gibbon sync", says: "send what waits, receive what is new" },
    { command: "gibbon sync --watch --json | jq -c .data", says: "changes for a program, one a line" },
  ],
  answers:
    "`delivery`, `seq`, `pending_edits`, `dead_letters`, `entities`, `digest`; with --watch per line `change` (`seen`, `gone`, `conflict`, `phase`) and what it is about",
  async run(gibbon, input) {
    if (gibbon.settings.offline) throw usageError("sync --offline: that is no sync");
    const isWatching = input.flag("watch");
    await using home = await gibbon.openHome({ mustBeLive: !isWatching });
    const { client, freshness } = home;
    // There is no address to try again.
    if (isWatching && freshness.kind === "offline" && client.state.phase === "offline") throw freshness.error;
    // Without await the home would be closed at once.
    if (isWatching) return await watch(gibbon, home);
    if (input.flag("discard")) for (const { version } of client.deadLetters()) await client.discard(version);
    const { state, graph } = client;
    const data = {
      delivery: deliveryOf(client, freshness),
      seq: state.upToDateSeq,
      pending_edits: state.pendingEdits,
      dead_letters: state.deadLetters,
      entities: graph.find().length,
      digest: client.digest.toString(16).padStart(16, "0"),
    };
    return {
      data,
      lines: ({ green, yellow, red, dim }) => [
        `${data.pending_edits === 0 ? green("in sync") : yellow(`${counted(data.pending_edits, "edit")} could not be sent yet`)}  ${dim(`${counted(data.entities, "entity")}, digest ${data.digest}`)}`,
        ...(data.dead_letters === 0
          ? []
          : [
              red(
                `${counted(data.dead_letters, "edit")} rejected: gibbon status says why, gibbon sync --discard forgets them`,
              ),
            ]),
      ],
    };
  },
};

async function watch(gibbon: Gibbon, { client }: Home): Promise<undefined> {
  const { terminal, settings } = gibbon;
  const tell = (data: object, text: string) => {
    terminal.answer([settings.json ? JSON.stringify({ ok: true, data }) : text]);
  };
  const { dim, green, yellow } = gibbon.look;
  const changed = ({ records, origin }: ReplicaChange) => {
    for (const id of records) {
      const title = recordTitle(client.graph, id);
      tell(
        { change: title === undefined ? "gone" : "seen", origin, id, record: client.get(id) ?? null },
        `${dim(timeText(gibbon.nowMs))}  ${title ?? dim(`gone …${shortId(id)}`)}`,
      );
    }
  };
  const stop = [
    client.onChange(changed),
    client.onConflict((conflict) =>
      tell({ change: "conflict", conflict: conflict?.id ?? null }, yellow("a conflict: gibbon conflicts list")),
    ),
    client.onState(({ phase }) => {
      if (phase === "waiting" || phase === "live")
        tell({ change: "phase", phase }, dim(phase === "live" ? "connected" : "no connection, trying again"));
    }),
  ];
  tell(
    { change: "phase", phase: client.state.phase },
    green(`watching ${client.state.household ?? ""}; Ctrl-C ends it`),
  );
  if (!gibbon.signal.aborted) await once(gibbon.signal, "abort");
  for (const end of stop) end();
  throw interrupted();
}
