import type { JsonObject } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import type { IncomingChange } from "@funkygibbon/kernel/record";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { resolveDivergence } from "../../services/conflict-resolution/src/domain/resolve-divergence.ts";
import { recordId, TestDevice } from "../../services/entity-store/test/changes.ts";
import { MemoryLog, START_US } from "../../services/entity-store/test/memory-log.ts";
import { SeededRandom } from "./seeded-random.ts";

const HOUR_US = 3_600_000_000;
const DEVICES = ["phone", "panel", "hub"];
const KEYS = ["brightness", "note"];

/** One edit of the record: by which device, on top of which earlier edit, of which keys, and when by the device's clock. */
interface Edit {
  readonly device: number;
  readonly parent: number;
  readonly keys: number;
  readonly hour: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  device: fc.nat(2),
  parent: fc.nat(6),
  keys: fc.integer({ min: 1, max: 3 }),
  hour: fc.integer({ min: -48, max: 0 }),
});

/** Edits of one record that build on each other as told, whatever the clocks of their devices were doing. */
function write(edits: readonly Edit[]): IncomingChange[] {
  const devices = DEVICES.map((name) => new TestDevice(name));
  const made: { readonly change: IncomingChange; readonly body: JsonObject }[] = [];
  for (const [index, { device, parent, keys, hour }] of edits.entries()) {
    const base = made[parent % Math.max(1, made.length)];
    const set = Object.fromEntries(KEYS.filter((_key, bit) => (keys >> bit) % 2 === 1).map((key) => [key, index]));
    const body = { ...base?.body, ...set };
    const options = { parents: base === undefined ? [] : [base.change.version], atUs: START_US + hour * HOUR_US };
    made.push({ change: must(devices[device], "there are three").edit(recordId(1), body, options), body });
  }
  return made.map(({ change }) => change);
}

/** Some order in which they may arrive: no edit before what it builds on, or before its device's earlier ones. */
function shuffled(changes: readonly IncomingChange[], edits: readonly Edit[], random: SeededRandom): IncomingChange[] {
  const left = new Set(changes.keys());
  const order: IncomingChange[] = [];
  while (left.size > 0) {
    const ready = [...left].filter((index) =>
      [...left].every(
        (other) =>
          other >= index ||
          (changes[index]?.parents[0] !== changes[other]?.version && edits[index]?.device !== edits[other]?.device),
      ),
    );
    const next = random.pick(ready);
    left.delete(next);
    order.push(must(changes[next], "it was left"));
  }
  return order;
}

/** The body of the record after everything has arrived in this order. */
function bodyAfter(arrivals: readonly IncomingChange[]): JsonObject | null {
  const log = new MemoryLog();
  for (const change of arrivals) {
    const { divergences } = log.push([change]);
    if (divergences.length > 0) log.push([change], { resolutions: divergences.map(resolveDivergence) });
  }
  return log.head(recordId(1)).content.body;
}

it("I6: edits that build on each other come to the same content in any order of arrival, though clocks step by days", () => {
  fc.assert(
    fc.property(fc.array(edit, { minLength: 3, maxLength: 7 }), fc.nat(), (edits, seed) => {
      const changes = write(edits);
      const random = new SeededRandom(seed);
      expect(bodyAfter(shuffled(changes, edits, random))).toEqual(bodyAfter(changes));
    }),
    { numRuns: Number(process.env.SOAK ?? 1_000) },
  );
});
