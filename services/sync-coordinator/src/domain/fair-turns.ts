import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { FairLines } from "./fair-lines.ts";

/** How much of something may be under way. */
export interface TurnLimits {
  /** Of all households together. */
  readonly atOnce: number;
  readonly perHousehold: number;
  /** Something larger than this still goes, alone of its household. */
  readonly bytesPerHousehold: number;
}

interface Turn {
  readonly household: HouseholdId;
  readonly bytes: number;
  readonly begin: () => void;
  state: "waiting" | "begun" | "over";
}

/** Lets work of many households begin in fair turns: little of each at once, and one of each before a second of any. */
export class FairTurns {
  readonly #limits: TurnLimits;
  readonly #lines = new FairLines<Turn>();
  readonly #underWay = new Map<HouseholdId, { turns: number; bytes: number }>();
  #turns = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Calls `begin` when it is its turn, perhaps at once. Call what it gives when the work is over, or is not wanted any more. */
  enter(household: HouseholdId, bytes: number, begin: () => void): () => void {
    const turn: Turn = { household, bytes, begin, state: "waiting" };
    this.#lines.add(household, turn);
    this.#go();
    return () => this.#leave(turn);
  }

  /** Does the work when it is its turn. */
  async run<T>(household: HouseholdId, work: () => Promise<T>): Promise<T> {
    const { promise: itsTurn, resolve } = Promise.withResolvers<void>();
    const leave = this.enter(household, 0, resolve);
    try {
      await itsTurn;
      return await work();
    } finally {
      leave();
    }
  }

  #go(): void {
    while (this.#turns < this.#limits.atOnce) {
      const turn = this.#lines.take(
        (household, { state, bytes }) => state === "over" || this.#hasRoom(household, bytes),
      );
      if (turn === undefined) return;
      if (turn.state === "over") continue;
      turn.state = "begun";
      this.#count(turn, 1);
      turn.begin();
    }
  }

  #leave(turn: Turn): void {
    if (turn.state === "begun") this.#count(turn, -1);
    turn.state = "over";
    this.#go();
  }

  #hasRoom(household: HouseholdId, bytes: number): boolean {
    const underWay = this.#underWay.get(household);
    if (underWay === undefined) return true;
    const { perHousehold, bytesPerHousehold } = this.#limits;
    return underWay.turns < perHousehold && underWay.bytes + bytes <= bytesPerHousehold;
  }

  #count({ household, bytes }: Turn, sign: 1 | -1): void {
    this.#turns += sign;
    const before = this.#underWay.get(household) ?? { turns: 0, bytes: 0 };
    const after = { turns: before.turns + sign, bytes: before.bytes + sign * bytes };
    if (after.turns === 0) this.#underWay.delete(household);
    else this.#underWay.set(household, after);
  }
}
