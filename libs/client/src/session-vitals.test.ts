import { describe, expect, it } from "vitest";
import { SessionVitals, tokenTimesMs } from "./session-vitals.ts";
import { ManualClock } from "./testing/scenario.ts";
import type { Timers } from "./timers.ts";

/** Timers that a test moves together with its clock. */
class ManualTimers implements Timers {
  readonly clock = new ManualClock();
  #calls: { atUs: number; readonly callback: () => void }[] = [];

  after(delayMs: number, callback: () => void): () => void {
    const call = { atUs: this.clock.nowUs + delayMs * 1_000, callback };
    this.#calls.push(call);
    return () => {
      this.#calls = this.#calls.filter((other) => other !== call);
    };
  }

  /** The clock is set, and timers are not impressed. */
  setClock(byMs: number): void {
    this.clock.nowUs += byMs * 1_000;
    for (const call of this.#calls) call.atUs += byMs * 1_000;
  }

  async advance(ms: number): Promise<void> {
    const endUs = this.clock.nowUs + ms * 1_000;
    for (;;) {
      const next = this.#calls.filter(({ atUs }) => atUs <= endUs).sort((a, b) => a.atUs - b.atUs)[0];
      if (next === undefined) break;
      this.#calls = this.#calls.filter((call) => call !== next);
      this.clock.nowUs = next.atUs;
      next.callback();
      await Promise.resolve();
    }
    this.clock.nowUs = endUs;
  }
}

function jwt(exp: number, iat?: number): string {
  return `e30.${Buffer.from(JSON.stringify({ exp, iat })).toString("base64url")}.sig`;
}

function vitals(timers: ManualTimers, fresh = () => jwt(timers.clock.nowUs / 1e6 + 1_000)) {
  const said: string[] = [];
  const session = new SessionVitals({
    clock: timers.clock,
    timers,
    random: Math.random,
    ping: () => {
      said.push("ping");
      session.sent();
    },
    silent: () => said.push("silent"),
    refreshToken: async () => {
      said.push("refresh");
      return fresh();
    },
  });
  return { session, said };
}

describe("the vitals of a session", () => {
  it("ping after an interval without a word of ours", async () => {
    const timers = new ManualTimers();
    const { session, said } = vitals(timers);
    session.setInterval(15_000);
    await timers.advance(14_000);
    expect(said).toEqual([]);
    session.heard();
    await timers.advance(2_000);
    expect(said).toEqual(["ping"]);
    session.stop();
  });

  it("tell when nothing was heard for three intervals", async () => {
    const timers = new ManualTimers();
    const { said } = vitals(timers);
    await timers.advance(46_000);
    expect(said.at(-1)).toBe("silent");
    expect(said.filter((word) => word === "silent")).toHaveLength(1);
  });

  it("ping, and tell of silence, in time after the clock was set back by an hour", async () => {
    const timers = new ManualTimers();
    const { said } = vitals(timers);
    await timers.advance(4_000);
    timers.setClock(-3_600_000);
    await timers.advance(16_000);
    expect(said).toEqual(["ping"]);
    await timers.advance(31_000);
    expect(said.at(-1)).toBe("silent");
  });

  it("renew the token well before it ends", async () => {
    const timers = new ManualTimers();
    const { session, said } = vitals(timers);
    session.watchToken(jwt(timers.clock.nowUs / 1e6 + 20));
    await timers.advance(15_000);
    expect(said).not.toContain("refresh");
    await timers.advance(2_000);
    expect(said).toContain("refresh");
    session.stop();
  });

  it("ask for a token every five seconds at most, should each end at once", async () => {
    const timers = new ManualTimers();
    const { session, said } = vitals(timers, () => jwt(0));
    session.watchToken(jwt(0));
    await timers.advance(60_000);
    expect(said.filter((word) => word === "refresh")).toHaveLength(12);
    session.stop();
  });

  it("renew a token by its own times where the device's clock is ahead", async () => {
    const timers = new ManualTimers();
    const issuedBy = () => timers.clock.nowUs / 1e6 - 172_800;
    const fresh = () => jwt(issuedBy() + 900, issuedBy());
    const { session, said } = vitals(timers, fresh);
    session.watchToken(fresh());
    await timers.advance(719_000);
    expect(said).not.toContain("refresh");
    await timers.advance(2_000);
    expect(said).toContain("refresh");
    session.stop();
  });

  it("read no times from a token that is no JWT", () => {
    expect(["", "opaque", "a.b.c"].map(tokenTimesMs)).toEqual([undefined, undefined, undefined]);
  });
});
