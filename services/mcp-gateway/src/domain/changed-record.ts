import { must } from "@funkygibbon/kernel/must";
import type { CallChange, RecordedCall } from "./activity-log.ts";
import type { HistoryItem, HomeHistory } from "./home-history.ts";
import type { Ports } from "./ports.ts";
import type { ToolCall } from "./tool-call.ts";
import { ToolFault } from "./tool-fault.ts";
import type { ChangedRecord } from "./undo.ts";

/** Versions are read in pages of so many; one that was overwritten more often than this is left to a person. */
const PAGE = 200;
const MAX_VERSIONS = 2_000;
const MAX_EDGES = 1_000;
const LATEST = 5;

/**
 * The call with this id. Of two doors that use one id, the assistants' is meant.
 * @throws ToolFault CALL_UNKNOWN with the latest calls of this user, also for a call of another household.
 */
export async function findCall(
  { activity }: Pick<Ports, "activity">,
  call: ToolCall,
  id: string,
): Promise<RecordedCall> {
  const { items } = await activity.listCalls(call, { callId: id, limit: 2 });
  const found = items.find(({ origin }) => origin.channel === "mcp") ?? items[0];
  if (found !== undefined) return found;
  const latest = await activity.listCalls(call, { author: call.identity.user, channel: "mcp", limit: LATEST });
  const nearest = latest.items.map(({ origin }) => origin.callId);
  throw new ToolFault("There is nothing to undo by that id.", {
    reason: "CALL_UNKNOWN",
    arguments: [{ field: "call_id", problem: "names no call that changed anything here", nearest }],
    hint: "get_activity lists the calls with what they changed.",
  });
}

/**
 * The one change that a call was about; what went along with it is reverted by reverting that. Assistants' calls write
 * once; users of the API may give one id to many writes, and where not all of them are told, nobody knows.
 * @throws ToolFault SEVERAL_WRITES: they could not be reverted all or none.
 */
export function mainChange({ origin, changes, changeCount }: RecordedCall): CallChange {
  const [main, ...others] = changes.filter(({ cascaded }) => !cascaded);
  if (others.length > 0 || (origin.channel === "api" && changeCount > changes.length)) {
    const records = changes.slice(0, LATEST).map(({ kind, recordId }) => `${kind} ${recordId}`);
    throw new ToolFault(`That call wrote more than once: ${changeCount} versions, of ${records.join(", ")}, ….`, {
      reason: "SEVERAL_WRITES",
      hint: "Look at each with get_history and change it back with update_entity or restore_entity.",
    });
  }
  return must(main, "what goes along goes along with something");
}

/**
 * Reads back to the version that the call replaced, and around the entity.
 * @throws ToolFault CHANGED_SINCE or TOO_LARGE where that is too much to look through.
 */
export async function readChangedRecord(
  { graph, history }: Pick<Ports, "graph" | "history">,
  call: ToolCall,
  change: CallChange,
): Promise<ChangedRecord> {
  const versions = await versionsBackTo(history, call, change);
  const at = versions.findIndex(({ version }) => version.version === change.version);
  const own = versions[at];
  if (own === undefined) {
    throw new ToolFault(`It was changed more than ${MAX_VERSIONS} times since.`, { reason: "CHANGED_SINCE" });
  }
  const since = versions.slice(0, at).filter(isAccepted);
  const isThere = change.kind === "entity" && change.change === "created" && since.length === 0;
  const around = isThere ? await graph.getNeighbours(call, { id: change.recordId, limit: MAX_EDGES }) : undefined;
  if (around?.nextCursor !== undefined) {
    throw new ToolFault(`It has more than ${MAX_EDGES} relationships, of which some may be the work of other calls.`, {
      reason: "TOO_LARGE",
      hint: "delete_entity deletes it with all of them.",
    });
  }
  return {
    change,
    since,
    own,
    before: versions.find(({ version }) => version.version === change.versionBefore),
    edges: around?.items ?? [],
  };
}

async function versionsBackTo(
  history: HomeHistory,
  call: ToolCall,
  change: CallChange,
): Promise<readonly HistoryItem[]> {
  const last = change.versionBefore ?? change.version;
  const versions: HistoryItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await history.listVersions(call, { kind: change.kind, id: change.recordId, limit: PAGE, cursor });
    versions.push(...page.items);
    cursor = page.nextCursor;
  } while (
    cursor !== undefined &&
    versions.length < MAX_VERSIONS &&
    !versions.some(({ version }) => version.version === last)
  );
  return versions;
}

/** Whether it became what the record says. */
function isAccepted({ version }: HistoryItem): boolean {
  return version.outcome === "applied" || version.outcome === "merged";
}
