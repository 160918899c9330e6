import { internal } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { HouseholdClock, LiveClocks } from "../domain/ports.ts";
import type { ChangeLog, Credentials } from "./change-log.ts";

/** The clock of a household: the live one, or else the durable one, which then makes a live one again. */
export class HouseholdClocks {
  readonly #live: LiveClocks;
  readonly #changeLog: Pick<ChangeLog, "clock" | "create">;
  /** At most one look at the durable clock of a household at a time, however many devices ask. */
  readonly #looking = new Map<HouseholdId, Promise<HouseholdClock | undefined>>();

  constructor(live: LiveClocks, changeLog: Pick<ChangeLog, "clock" | "create">) {
    this.#live = live;
    this.#changeLog = changeLog;
  }

  /**
   * May be behind for a while after a crash between a commit and its raise, never ahead. The first contact of a writing
   * role creates the household. @throws `not-found` for a guest of a household that does not exist.
   */
  async current(household: HouseholdId, credentials: Credentials): Promise<HouseholdClock> {
    return (await this.#live.read(household)) ?? this.durable(household, credentials);
  }

  /** What PostgreSQL says. */
  async durable(household: HouseholdId, credentials: Credentials): Promise<HouseholdClock> {
    const known = await this.#look(household);
    if (known !== undefined) return known;
    await this.#changeLog.create(credentials);
    const created = await this.#look(household);
    if (created === undefined) throw internal("the store has no clock of a household that it has just created");
    return created;
  }

  #look(household: HouseholdId): Promise<HouseholdClock | undefined> {
    const running = this.#looking.get(household);
    if (running !== undefined) return running;
    const look = this.#compare(household).finally(() => this.#looking.delete(household));
    this.#looking.set(household, look);
    return look;
  }

  async #compare(household: HouseholdId): Promise<HouseholdClock | undefined> {
    const clock = await this.#changeLog.clock(household);
    if (clock !== undefined) await this.#live.replace(household, clock);
    return clock;
  }
}
