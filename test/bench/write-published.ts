import type pg from "pg";
import type { SeededLog } from "../../services/entity-store/test/seeded-log.ts";

/** Writes a log as one that has been published already: a relay that starts on it would be in the way of a measurement. */
export async function writePublished(log: SeededLog, postgres: pg.Client): Promise<void> {
  const position = "insert into relay_positions (household_id, relayed_seq) values ($1, $2)";
  await postgres.query(position, [log.household, log.headSeq]);
  await log.write({ sql: async (text, values = []) => (await postgres.query(text, [...values])).rows });
}
