import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import {
  type ConflictFile,
  type ConflictList,
  type ConflictListQuery,
  type ConflictReads,
  MAX_CONFLICT_PAGE_BYTES,
} from "../domain/conflict-reads.ts";
import { CONFLICT_COLUMNS, type ConflictTableRow, conflictFromRow } from "./conflict-row.ts";
import { readVersions } from "./postgres-history.ts";
import { readPolicy } from "./postgres-policies.ts";
import { VERSION_COLUMNS, type VersionRow, versionFromRow } from "./version-row.ts";

/** Conflict rows, as commits have written them. */
export class PostgresConflicts implements ConflictReads {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list({ household, state, record, device, after, limit, signal }: ConflictListQuery): Promise<ConflictList> {
    const open = state === "any" ? null : state === "open";
    const place = [household, open, device ?? null, after?.openedUs ?? null, after?.id ?? null];
    const values = [...place, limit + 1, MAX_CONFLICT_PAGE_BYTES];
    return this.#read(household, signal, async (tx) => {
      const rows =
        record === undefined
          ? await tx.query<ListedRow>(LIST, values)
          : await tx.query<ListedRow>(LIST_OF_RECORD, [...values, record]);
      const fits = rows.filter(({ bytes }, index) => index === 0 || bytes <= MAX_CONFLICT_PAGE_BYTES).slice(0, limit);
      const full = (rows.at(-1)?.bytes ?? 0) > MAX_CONFLICT_PAGE_BYTES;
      return { conflicts: fits.map(conflictFromRow), more: full || rows.length > fits.length };
    });
  }

  get(household: HouseholdId, id: string, signal?: AbortSignal): Promise<ConflictFile | undefined> {
    return this.#read(household, signal, async (tx) => {
      const [row] = await tx.query<ConflictTableRow>(GET, [household, id]);
      if (row === undefined) return undefined;
      const conflict = conflictFromRow(row);
      const { record, localVersion, serverVersion, baseVersion } = conflict;
      const named = [localVersion, serverVersion, baseVersion].filter((version) => version !== undefined);
      const versions = await readVersions(tx, { household, record, versions: named });
      const head = await readHead(tx, household, record);
      const type = head?.content ?? versions.get(localVersion)?.content;
      return {
        conflict,
        local: versions.get(localVersion),
        server: serverVersion && versions.get(serverVersion),
        base: baseVersion && versions.get(baseVersion),
        head,
        policy: await readPolicy(tx, household, type?.kind === "entity" ? type.type : undefined),
      };
    });
  }

  #read<T>(household: HouseholdId, signal: AbortSignal | undefined, read: (tx: Transaction) => Promise<T>): Promise<T> {
    const scope = { households: [household], readOnly: true, isolation: "repeatable read", signal } as const;
    return this.#database.inTransaction(scope, read);
  }
}

async function readHead(tx: Transaction, household: HouseholdId, record: RecordId): Promise<RecordVersion | undefined> {
  const [row] = await tx.query<VersionRow>(HEAD, [household, record]);
  return row && versionFromRow(row);
}

/** A row with the bytes of its fields and of those before it. */
interface ListedRow extends ConflictTableRow {
  readonly bytes: number;
}

/** As far as the page goes, and one row more, which tells that there is one. Sizes are known without reading the fields. */
const listed = (household: string) => `
  select ${CONFLICT_COLUMNS}, c.bytes::bigint from (
    select c.*, sum(octet_length(c.fields)) over newest as bytes,
      coalesce(sum(octet_length(c.fields)) over (newest rows between unbounded preceding and 1 preceding), 0) as before
    from conflicts c where ${household}
      and ($2::boolean is null or (c.settled_us = 0) = $2::boolean)
      and ($3::text is null or c.local_device = $3::text or c.server_device = $3::text)
      and ($5::uuid is null or (c.opened_us, c.conflict_id) < ($4::bigint, $5::uuid))
    window newest as (order by c.opened_us desc, c.conflict_id desc)
    order by c.opened_us desc, c.conflict_id desc limit $6::bigint
  ) c where c.before <= $7::bigint order by c.opened_us desc, c.conflict_id desc`;

const LIST: Statement = {
  name: "conflicts.list",
  text: listed("c.household_id = $1"),
};

const LIST_OF_RECORD: Statement = {
  name: "conflicts.list_of_record",
  text: listed("c.household_id = $1 and c.record_id = $8::uuid"),
};

const GET: Statement = {
  name: "conflicts.get",
  text: `select ${CONFLICT_COLUMNS} from conflicts c where c.household_id = $1 and c.conflict_id = $2::uuid`,
};

const HEAD: Statement = {
  name: "conflicts.head_of_record",
  text: `
  select ${VERSION_COLUMNS}
  from heads h join record_versions v on v.household_id = h.household_id and v.seq = h.seq
  where h.household_id = $1 and h.record_id = $2::uuid`,
};
