import { describe, expect, it } from "vitest";
import { Health } from "./health.ts";

describe("Health", () => {
  it("is ready only while serving and while every check succeeds", async () => {
    const health = new Health();
    let away = false;
    health.addReadinessCheck("database", async () => {
      if (away) throw new Error("away");
    });
    expect(await health.check()).toEqual({ ready: false, checks: { database: "ok" } });
    health.markServing();
    expect(await health.check()).toEqual({ ready: true, checks: { database: "ok" } });
    away = true;
    expect(await health.check()).toEqual({ ready: false, checks: { database: "failing" } });
    away = false;
    health.markDraining();
    expect(await health.check()).toEqual({ ready: false, checks: { database: "ok" } });
  });

  it("counts a check as failing that throws at once or takes too long", async () => {
    const health = new Health({ checkTimeoutMs: 20 });
    health.addReadinessCheck("slow", () => new Promise(() => {}));
    health.addReadinessCheck("broken", () => {
      throw new Error("not even a promise");
    });
    expect((await health.check()).checks).toEqual({ slow: "failing", broken: "failing" });
  });

  it("runs one round of checks for all who ask at the same time", async () => {
    const health = new Health();
    let runs = 0;
    health.addReadinessCheck("counted", async () => {
      runs++;
    });
    await Promise.all([health.check(), health.check(), health.check()]);
    await health.check();
    expect(runs).toBe(2);
  });

  it("tells of each change of state, and never leaves draining", () => {
    const health = new Health();
    const states: string[] = [];
    const stop = health.onChange((state) => states.push(state));
    health.markServing();
    health.markServing();
    health.markDraining();
    health.markServing();
    expect(states).toEqual(["serving", "draining"]);
    stop();
    expect(health.state).toBe("draining");
  });
});
