import type { Committed } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { type HouseholdId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { ClockRaise, HouseholdClock, LiveClocks } from "../domain/ports.ts";

/** Households whose last raise is remembered. */
const MAX_REMEMBERED = 10_000;

/**
 * Live clocks that also rise with writes that went past the coordinators: the store's own commits come as events. What
 * this replica has raised itself is not raised again.
 */
export class EventfulClocks implements LiveClocks {
  readonly #clocks: LiveClocks;
  readonly #raised = new Map<HouseholdId, LogPosition>();

  constructor(clocks: LiveClocks) {
    this.#clocks = clocks;
  }

  read(household: HouseholdId): Promise<HouseholdClock | undefined> {
    return this.#clocks.read(household);
  }

  replace(household: HouseholdId, clock: HouseholdClock): Promise<void> {
    return this.#clocks.replace(household, clock);
  }

  raise(raise: ClockRaise): Promise<void> {
    this.#remember(raise.household, raise.position);
    return this.#clocks.raise(raise);
  }

  /** A commit that may have been anybody's. Only one whose digest is known raises. */
  async committed(event: Committed): Promise<void> {
    const household = parseHouseholdId(event.householdId);
    const epoch = parseEpoch(event.epoch);
    const headSeq = Number(event.toSeq);
    const raised = this.#raised.get(household);
    if (!event.atHead || (raised?.epoch === epoch && raised.headSeq >= headSeq)) return;
    const position = {
      epoch,
      headSeq,
      digest: event.digest,
      committedUs: Number(event.committedUs),
    };
    await this.raise({ household, position, firstSeq: Number(event.fromSeq), entry: undefined });
  }

  #remember(household: HouseholdId, position: LogPosition): void {
    this.#raised.delete(household);
    this.#raised.set(household, position);
    if (this.#raised.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#raised.keys();
    if (oldest !== undefined) this.#raised.delete(oldest);
  }
}
