import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Transaction } from "@funkygibbon/postgres/transaction";
import type { FactNeeds, FactSheet } from "../domain/commit-facts.ts";
import { readClocks, readEdges, readHeads, readSequences, readWays } from "./read-group-facts.ts";
import { readRareFacts } from "./read-rare-facts.ts";

/** One household's questions and the sheet for the answers. */
export interface Asking {
  readonly household: HouseholdId;
  readonly needs: FactNeeds;
  readonly sheet: FactSheet;
}

/**
 * Reads what several plans ask, and writes it into their sheets. All statements are sent together, so this is one round
 * trip; each sees what was committed before it began, hence everything up to the lock that was taken before them.
 */
export async function readFacts(tx: Transaction, askings: readonly Asking[]): Promise<void> {
  await Promise.all([
    readHeads(tx, askings),
    readSequences(tx, askings),
    readClocks(tx, askings),
    readEdges(tx, askings),
    readWays(tx, askings),
    ...askings.map((asking) => readRareFacts(tx, asking)),
  ]);
}
