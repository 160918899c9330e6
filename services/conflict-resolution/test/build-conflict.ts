import type { ConflictRow } from "@funkygibbon/kernel/record";
import type { ConflictFile } from "../src/domain/conflict-store.ts";
import { resolveDivergence } from "../src/domain/resolve-divergence.ts";
import { MONDAY_US, RECORD } from "./build-version.ts";

/** The id of the conflict that tests are about. */
export const CONFLICT_ID = "0192f3b0-7c4e-7a10-8f2d-00000000c0f1";

/** A conflict file: open unless the test says otherwise, its fields as the resolver would have drafted them. */
export function buildConflictFile(
  parts: Omit<Partial<ConflictFile>, "conflict"> &
    Pick<ConflictFile, "local"> & { readonly conflict?: Partial<ConflictRow> },
): ConflictFile {
  const { local, server, base, head, policy } = { server: undefined, base: undefined, head: undefined, ...parts };
  const drafted =
    server === undefined
      ? undefined
      : resolveDivergence({
          local,
          localTimes: "",
          server,
          base,
          wish: undefined,
          policy: { entityType: undefined, strategy: "manual", fieldRules: new Map() },
          restored: local.deleted,
          serverCascade: false,
        }).conflict;
  const conflict: ConflictRow = {
    id: CONFLICT_ID,
    record: RECORD,
    recordKind: local.content.kind,
    type: "version_mismatch",
    strategy: "manual",
    decision: "open",
    fields: [],
    ...drafted,
    localVersion: local.version,
    serverVersion: server?.version,
    baseVersion: base?.version,
    resolvedVersion: undefined,
    localAuthor: local.author,
    localDevice: local.device,
    serverAuthor: server?.author,
    serverDevice: server?.device,
    openedUs: MONDAY_US,
    settledUs: 0,
    settledBy: undefined,
    etag: "1",
    ...parts.conflict,
  };
  return { conflict, local, server, base, head, policy };
}
