import type { EventBus } from "@funkygibbon/events/connection";
import { householdSubject } from "@funkygibbon/events/subjects";
import { type HouseholdId, isReservedDevice, parseDeviceId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { Database } from "@funkygibbon/postgres/database";
import { type CommittedStretch, committedEvent, committedMessageId } from "./committed-event.ts";
import { claimPosition, type RelayRow, readAfter, setPosition } from "./relay-positions.ts";
import { rowToWire } from "./version-wire.ts";

/** What a sweep works on. */
export interface SweepOptions {
  /** As the relay role. */
  readonly database: Database;
  readonly events: EventBus;
  readonly household: HouseholdId;
}

const ROWS_PER_READ = 1_000;

/** Publishes what a household's log has beyond its position, commit by commit, and moves the position as far as that went. */
export async function relayHousehold(options: SweepOptions): Promise<void> {
  for (let mayBeMore = true; mayBeMore; ) {
    const some = await relaySome(options);
    if ("failure" in some) throw some.failure;
    ({ mayBeMore } = some);
  }
}

type RelayedSome = { readonly mayBeMore: boolean } | { readonly failure: unknown };

/** Publishing happens inside the transaction: the lock on the position keeps other relays off meanwhile. */
function relaySome({ database, events, household }: SweepOptions): Promise<RelayedSome> {
  return database.inTransaction({ households: "positions-only" }, async (tx) => {
    const claimed = await claimPosition(tx, household);
    if (claimed === undefined) return { mayBeMore: false };
    await tx.scopeTo([household]);
    const rows = await readAfter(tx, household, claimed.relayedSeq, ROWS_PER_READ);
    let relayed = claimed.relayedSeq;
    let told: RelayedSome = { mayBeMore: rows.length === ROWS_PER_READ };
    try {
      for (const commit of byCommit(rows)) {
        const stretch = stretchOf(household, commit, claimed.log);
        await events.publish(householdSubject(household, "committed"), committedEvent(stretch), {
          messageId: committedMessageId(stretch),
        });
        relayed = stretch.toSeq;
      }
    } catch (failure) {
      told = { failure };
    }
    await setPosition(tx, household, relayed);
    return told;
  });
}

/** The versions of one commit are those with the same commit time. */
function byCommit(rows: readonly RelayRow[]): RelayRow[][] {
  const commits = new Map<number, RelayRow[]>();
  for (const row of rows) {
    const commit = commits.get(row.committed_us) ?? [];
    commit.push(row);
    commits.set(row.committed_us, commit);
  }
  return [...commits.values()];
}

function stretchOf(household: HouseholdId, rows: readonly RelayRow[], log: LogPosition): CommittedStretch {
  const toSeq = rows.at(-1)?.seq ?? 0;
  return {
    household,
    epoch: log.epoch,
    fromSeq: rows[0]?.seq ?? 0,
    toSeq,
    originDevice: rows.find((row) => row.healer === null && !isReservedDevice(parseDeviceId(row.device_id)))?.device_id,
    heads: rows
      .filter((row) => row.is_head)
      .map((row) => ({ bodyLength: row.body?.length ?? 0, toWire: () => rowToWire(row) })),
    digest: toSeq === log.headSeq ? log.digest : undefined,
    committedUs: rows[0]?.committed_us ?? 0,
  };
}
