import type { GetConflictResponse } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { DomainError } from "@funkygibbon/kernel/errors";
import { isUuid } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { ConflictRow } from "@funkygibbon/kernel/record";
import { conflictFromWire } from "@funkygibbon/wire/conflict";
import type { Gibbon } from "./gibbon.ts";

/** How many conflicts are looked through for digits of an id. */
const LOOKED_THROUGH = 1_000;

/** Conflicts of the household, newest first. */
export async function conflictsOf(
  gibbon: Gibbon,
  wanted: { readonly state: ConflictState; readonly recordId: string; readonly limit: number },
): Promise<readonly ConflictRow[]> {
  const { conflicts } = gibbon.services();
  const { state, recordId, limit } = wanted;
  const found: ConflictRow[] = [];
  let pageToken = "";
  do {
    const request = { state, recordId, pageSize: Math.min(200, limit - found.length), pageToken };
    const page = await conflicts.listConflicts(request, { signal: gibbon.signal });
    found.push(...page.conflicts.map(conflictFromWire));
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  return found;
}

/** A conflict, explained. @throws DomainError `not-found`, with the open ones as suggestions. */
export async function explained(
  gibbon: Gibbon,
  reference: string,
): Promise<{ readonly answer: GetConflictResponse; readonly wire: ConflictRecord }> {
  const id = isUuid(reference) ? reference.toLowerCase() : await idOf(gibbon, reference.toLowerCase());
  const answer = await gibbon.services().conflicts.getConflict({ id }, { signal: gibbon.signal });
  return { answer, wire: must(answer.conflict, "an explanation has its conflict") };
}

async function idOf(gibbon: Gibbon, digits: string): Promise<string> {
  const all = await conflictsOf(gibbon, { state: ConflictState.UNSPECIFIED, recordId: "", limit: LOOKED_THROUGH });
  const meant = all.filter(({ id }) => digits.length >= 4 && (id.endsWith(digits) || id.startsWith(digits)));
  const [found, second] = meant;
  if (found !== undefined && second === undefined) return found.id;
  const suggestions = (meant.length > 0 ? meant : all.filter(({ decision }) => decision === "open")).slice(0, 5);
  throw new DomainError(
    "not-found",
    `${meant.length > 0 ? "several conflicts end" : "no conflict ends"} in ${digits}`,
    {
      reason: "NOT_FOUND",
      details: Object.fromEntries(suggestions.map(({ id, type, decision }) => [id, `${type}, ${decision}`])),
    },
  );
}
