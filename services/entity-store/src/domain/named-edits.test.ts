import type { DeviceId } from "@funkygibbon/kernel/ids";
import type { Stamp } from "@funkygibbon/kernel/stamp";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NamedEdits } from "./named-edits.ts";

const edit = fc.record({
  device: fc.constantFrom("phone", "panel") as fc.Arbitrary<DeviceId>,
  sequence: fc.nat(8),
});
const stamp: fc.Arbitrary<Stamp> = fc.tuple(edit, fc.nat(5)).map(([one, effectiveUs]) => ({ ...one, effectiveUs }));

test("the edits that a version names tell the times of an edit and of those around it, as a look at all of them would", () => {
  fc.assert(
    fc.property(fc.array(stamp, { maxLength: 12 }), edit, (stamps, asked) => {
      const named = new NamedEdits(stamps);
      const known = stamps.filter(({ device, effectiveUs }) => device === asked.device && effectiveUs > 0);
      const times = (holds: (sequence: number) => boolean) =>
        known.filter(({ sequence }) => holds(sequence)).map(({ effectiveUs }) => effectiveUs);
      const [same] = times((sequence) => sequence === asked.sequence);
      const lower = times((sequence) => sequence < asked.sequence);
      const higher = times((sequence) => sequence > asked.sequence);
      expect(named.timeOf(asked)).toBe(same);
      expect(named.neighbours(asked)).toEqual({
        lowerUs: lower.length === 0 ? undefined : Math.max(...lower),
        higherUs: higher.length === 0 ? undefined : Math.min(...higher),
      });
    }),
  );
});
