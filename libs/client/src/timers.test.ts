import { afterEach, expect, it, vi } from "vitest";
import { systemTimers } from "./timers.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("waits when it is asked for more than the platform's timers take, which those would take for no time at all", () => {
  vi.useFakeTimers();
  const callback = vi.fn();
  systemTimers.after(10 * 365 * 24 * 3_600_000, callback);
  vi.advanceTimersByTime(24 * 3_600_000);
  expect(callback).not.toHaveBeenCalled();
});
