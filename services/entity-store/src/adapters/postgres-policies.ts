import type { Micros } from "@funkygibbon/kernel/clock";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import type { ConflictPolicy } from "@funkygibbon/kernel/record";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { entityTypes } from "@funkygibbon/wire/graph-types";
import { strategies } from "@funkygibbon/wire/outcomes";
import type { ConflictPolicies } from "../domain/conflict-reads.ts";
import { type PolicyRow, policyFromRow } from "./conflict-row.ts";

/** What stands for "all types without a policy of their own". */
const ALL_TYPES = 0;

/** The households' conflict policies. */
export class PostgresPolicies implements ConflictPolicies {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list(household: HouseholdId, signal?: AbortSignal): Promise<readonly ConflictPolicy[]> {
    return this.#database.inTransaction({ households: [household], readOnly: true, signal }, async (tx) => {
      const rows = await tx.query<PolicyRow>(LIST, [household]);
      return rows.map(policyFromRow);
    });
  }

  async set(
    { entityType, strategy, fieldRules }: ConflictPolicy,
    { household, user, now }: { readonly household: HouseholdId; readonly user: UserId; readonly now: Micros },
  ): Promise<void> {
    await this.#database.inTransaction({ households: [household] }, (tx) =>
      tx.execute(SET, [
        household,
        typeNumber(entityType),
        strategy === undefined ? null : strategies.toWire(strategy),
        JSON.stringify(Object.fromEntries(fieldRules)),
        now,
        user,
      ]),
    );
  }
}

/** The policy for a type, else the household's for all types, else undefined. */
export async function readPolicy(
  tx: Transaction,
  household: HouseholdId,
  entityType: EntityType | undefined,
): Promise<ConflictPolicy | undefined> {
  const [row] = await tx.query<PolicyRow>(FIND, [household, typeNumber(entityType)]);
  return row && policyFromRow(row);
}

function typeNumber(entityType: EntityType | undefined): number {
  return entityType === undefined ? ALL_TYPES : entityTypes.toWire(entityType);
}

const LIST: Statement = {
  name: "policies.list",
  text: "select entity_type, strategy, field_rules from policies where household_id = $1 order by entity_type",
};

const FIND: Statement = {
  name: "policies.find",
  text: `
  select entity_type, strategy, field_rules from policies
  where household_id = $1 and entity_type in ($2::smallint, ${ALL_TYPES}) order by entity_type desc limit 1`,
};

const SET: Statement = {
  name: "policies.set",
  text: `
  insert into policies (household_id, entity_type, strategy, field_rules, changed_us, changed_by)
  values ($1, $2::smallint, $3::smallint, $4, $5::bigint, $6)
  on conflict (household_id, entity_type) do update set strategy = excluded.strategy,
    field_rules = excluded.field_rules, changed_us = excluded.changed_us, changed_by = excluded.changed_by`,
};
