import { internal } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { HouseholdClock, LiveClocks } from "../domain/ports.ts";
import type { ChangeLog, Credentials } from "./change-log.ts";

/** The clock of a household: the live one, or else the durable one, which then makes a live one again. */
export class HouseholdClocks {
  readonly #live: LiveClocks;
  readonly #changeLog: Pick<ChangeLog, "clock" | "create">;
  /** Looks at durable clocks: of a household one at a time, and one that waits for it, however many devices ask. */
  readonly #looking = new Map<HouseholdId, Look>();
  readonly #waiting = new Map<HouseholdId, Look>();

  constructor(live: LiveClocks, changeLog: Pick<ChangeLog, "clock" | "create">) {
    this.#live = live;
    this.#changeLog = changeLog;
  }

  /**
   * May be behind for a while after a crash between a commit and its raise, never ahead. The first contact of a writing
   * role creates the household. @throws `not-found` for a guest of a household that does not exist.
   */
  async current(household: HouseholdId, credentials: Credentials): Promise<HouseholdClock> {
    const live = await this.#live.read(household);
    return live ?? (await this.#look(household)) ?? this.#create(household, credentials);
  }

  /** What PostgreSQL says from now on: nothing that was committed before is missing from it. */
  async durable(household: HouseholdId, credentials: Credentials): Promise<HouseholdClock> {
    return (await this.#lookFromNowOn(household)) ?? this.#create(household, credentials);
  }

  async #create(household: HouseholdId, credentials: Credentials): Promise<HouseholdClock> {
    await this.#changeLog.create(credentials);
    const created = await this.#lookFromNowOn(household);
    if (created === undefined) throw internal("the store has no clock of a household that it has just created");
    return created;
  }

  /** The look that is under way, or a new one. */
  #look(household: HouseholdId): Look {
    return this.#looking.get(household) ?? remembered(this.#looking, household, () => this.#compare(household));
  }

  /** A look that has not begun yet: one under way may have missed what its caller knows of. */
  #lookFromNowOn(household: HouseholdId): Look {
    const underWay = this.#looking.get(household);
    if (underWay === undefined) return this.#look(household);
    return (
      this.#waiting.get(household) ??
      remembered(this.#waiting, household, () => underWay.catch(() => {}).then(() => this.#look(household)))
    );
  }

  async #compare(household: HouseholdId): Promise<HouseholdClock | undefined> {
    const clock = await this.#changeLog.clock(household);
    if (clock !== undefined) await this.#live.replace(household, clock);
    return clock;
  }
}

type Look = Promise<HouseholdClock | undefined>;

function remembered(looks: Map<HouseholdId, Look>, household: HouseholdId, begin: () => Look): Look {
  const look = begin().finally(() => looks.delete(household));
  looks.set(household, look);
  return look;
}
