import type { VersionId } from "@funkygibbon/kernel/version";
import type { StoredVersion } from "../../services/entity-store/src/domain/stored-version.ts";
import type { Simulation } from "./simulation.ts";

/** Every version that is in the log, or behind one that is, as far as anything was ever known of it. */
export function knownVersions({ journal, store }: Simulation): ReadonlySet<VersionId> {
  const reached = new Set<VersionId>();
  const waiting = store.log.versions.flatMap(({ version, parents }) => [version, ...parents]);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...(journal.everCommitted.get(next)?.parents ?? []));
  }
  return reached;
}

/** Every version that this one descends from, as far as that was ever known. */
export function ancestorsOf(version: VersionId, byId: ReadonlyMap<VersionId, StoredVersion>): Set<VersionId> {
  const reached = new Set<VersionId>();
  const waiting = [...(byId.get(version)?.parents ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    waiting.push(...(byId.get(next)?.parents ?? []));
  }
  return reached;
}
