import type { SettleConflictRequest } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { conflictFromWire } from "@funkygibbon/wire/conflict";
import { strategies } from "@funkygibbon/wire/outcomes";
import { parseBody } from "../body-edit.ts";
import type { CommandSpec } from "../command.ts";
import { editBody } from "../editor.ts";
import { INTERRUPTED_CODE } from "../exit-code.ts";
import { conflictsOf, explained } from "../find-conflict.ts";
import type { Gibbon } from "../gibbon.ts";
import type { Home } from "../home.ts";
import type { Input } from "../input.ts";
import { conflictData, conflictTitle, explanationData, explanationLines } from "../present/conflict.ts";
import { shortId } from "../present/look.ts";
import { choose, isInterrupt } from "../prompts.ts";
import { usageError } from "../usage-error.ts";
import { bodyOfVersion } from "../wire-data.ts";

/** What may be taken, and what the server calls it. */
const STRATEGY_OF = { local: "accept_local", server: "accept_server", merge: "merge" } as const;
type Side = keyof typeof STRATEGY_OF;

type Decision = SettleConflictRequest["decision"];

/** `gibbon conflicts settle`. */
export const settleConflictCommand: CommandSpec = {
  name: "conflicts settle",
  summary: "decide a conflict, or decide a settled one again",
  details:
    "Without --take and --body it shows both sides and asks; without an id it asks for each open conflict in turn. " +
    "local is the side of the device whose edit met the conflict, server the head that it met.",
  arguments: [{ name: "[conflict]", help: "its id, or the last digits of it; default every open one" }],
  options: [
    { flags: "--take <side>", help: "whose side wins whole, or merge per key", choices: Object.keys(STRATEGY_OF) },
    { flags: "--body <json>", help: "a content of your own" },
  ],
  examples: [
    { command: "gibbon conflicts settle", says: "one after the other, asking" },
    { command: "gibbon conflicts settle 4f1c09e2 --take local", says: "the device was right" },
  ],
  answers: "the conflicts as they are now, as in the list",
  async run(gibbon, input) {
    const given = decisionOf(input);
    if (given === undefined && !gibbon.isInteractive)
      throw usageError("say how by --take or --body: nobody can be asked");
    await using home = await gibbon.openHome();
    const reference = input.optionalArgument(0);
    const references = reference === undefined ? await openIds(gibbon) : [reference];
    const settled: Awaited<ReturnType<typeof settle>>[] = [];
    let wasInterrupted = false;
    try {
      for (const one of references) settled.push(await settle(gibbon, home, one, given));
    } catch (error) {
      // What was settled before stays so, and has to be told.
      wasInterrupted = gibbon.signal.aborted || isInterrupt(error);
      if (!wasInterrupted || settled.length === 0) throw error;
    }
    return {
      data: settled.map(({ conflict }) => conflict),
      ...(wasInterrupted ? { exitCode: INTERRUPTED_CODE } : {}),
      lines: ({ green, dim }) =>
        settled.length === 0
          ? [green("no conflicts")]
          : settled.map(
              ({ conflict, title }) =>
                `${green("settled")} ${title}: ${conflict.decision}  ${dim(`…${shortId(conflict.id)}`)}`,
            ),
    };
  },
};

async function openIds(gibbon: Gibbon): Promise<readonly string[]> {
  const open = await conflictsOf(gibbon, { state: ConflictState.OPEN, recordId: "", limit: 1_000 });
  return open.map(({ id }) => id);
}

/** What was decided on the command line; undefined: nothing. @throws DomainError (usage). */
function decisionOf(input: Input): Decision | undefined {
  const [side, body] = [input.text("take"), input.text("body")];
  if (side !== undefined && body !== undefined) throw usageError("--take and --body exclude each other");
  if (body !== undefined) return { case: "editedBodyJson", value: JSON.stringify(parseBody(body, "--body")) };
  return side === undefined ? undefined : strategyOf(side as Side);
}

function strategyOf(side: Side): Decision {
  return { case: "strategy", value: strategies.toWire(STRATEGY_OF[side]) };
}

async function settle(gibbon: Gibbon, home: Home, reference: string, given: Decision | undefined) {
  const { answer, wire } = await explained(gibbon, reference);
  const title = conflictTitle(conflictFromWire(wire), home.client.graph);
  let decision = given;
  if (decision === undefined) {
    const shown = conflictData(conflictFromWire(wire));
    gibbon.terminal.answer(explanationLines(shown, explanationData(answer), { title, look: gibbon.look }));
    decision = await ask(gibbon, wire, answer.head === undefined ? {} : bodyOfVersion(answer.head));
  }
  const request = { id: wire.id, etag: wire.etag, requestId: crypto.randomUUID(), decision };
  const { conflict, head } = await gibbon.services().conflicts.settleConflict(request, { signal: gibbon.signal });
  if (head !== undefined) await home.catchUpWith({ id: head.recordId, version: head.version });
  return { title, conflict: conflictData(conflictFromWire(must(conflict, "a settlement has its conflict"))) };
}

async function ask(gibbon: Gibbon, wire: ConflictRecord, head: JsonObject): Promise<Decision> {
  const chosen = await choose(gibbon, "Which is right?", [
    { value: "server", label: `what stands now, by ${wire.serverDeviceId || "the server"}` },
    { value: "local", label: `the other side, by ${wire.localDeviceId}` },
    { value: "merge", label: "both, merged key by key", hint: "later edits win where both set the same key" },
    { value: "edit", label: "neither: I write it", hint: "in your editor" },
  ]);
  if (chosen !== "edit") return strategyOf(chosen);
  return { case: "editedBodyJson", value: JSON.stringify(await editBody(gibbon, head)) };
}
