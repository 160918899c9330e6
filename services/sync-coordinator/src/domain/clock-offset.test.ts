import { describe, expect, it } from "vitest";
import { ClockOffset } from "./clock-offset.ts";

const SECOND = 1_000_000;
const NOW = 1_795_340_000 * SECOND;

/** The offset after messages that were sent and received at these times, in seconds from now. */
function after(...messages: [sent: number, received: number][]): number {
  const offset = new ClockOffset();
  for (const [sent, received] of messages) offset.read(NOW + sent * SECOND, NOW + received * SECOND);
  return offset.us / SECOND;
}

describe("ClockOffset", () => {
  it("is nothing as long as the device has not said its time, and for a clock like ours", () => {
    const silent = new ClockOffset();
    silent.read(0, NOW);
    expect(silent.us).toBe(0);
    expect(after([0, 0.08])).toBe(0);
  });

  it("finds a clock that is days ahead or behind", () => {
    expect(after([172_800, 0])).toBe(172_800);
    expect(after([-172_800, 0])).toBe(-172_800);
  });

  it("of a clock beyond what numbers can hold is as large as they can say", () => {
    const offset = new ClockOffset();
    offset.read(2 ** 63, NOW);
    expect(offset.us).toBe(Number.MAX_SAFE_INTEGER);
    offset.read(-(2 ** 63), NOW + SECOND);
    expect(offset.us).toBe(Number.MIN_SAFE_INTEGER);
  });

  it("trusts the message that was under way for the shortest time", () => {
    expect(after([10.2, 0.5], [11.2, 1.21], [12.2, 2.9])).toBeCloseTo(9.99);
  });

  it("follows a clock that is set, forwards at once and backwards by more than latency explains", () => {
    expect(after([0, 0], [3_601, 1])).toBe(3_600);
    expect(after([3_600, 0], [1, 1])).toBe(0);
  });

  it("follows a clock that drifts", () => {
    expect(after([10, 0], [70.5, 61])).toBe(9.5);
  });
});
