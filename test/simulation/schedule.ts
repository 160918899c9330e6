import * as fc from "fast-check";

/** A device, by its number. */
interface ByDevice {
  readonly who: number;
}

/** A record, by its place among those that are there. */
interface ByRecord {
  readonly which: number;
}

interface ForAWhile {
  readonly ms: number;
}

/** Of some things nothing more is to be said. */
type Nothing = Readonly<Record<never, never>>;

/** What may happen, and what it needs to be told. */
interface Happenings {
  readonly create: ByDevice & ByRecord;
  readonly import: ByDevice & ByRecord;
  readonly update: ByDevice & ByRecord & { readonly keys: number };
  readonly delete: ByDevice & ByRecord;
  readonly relate: ByDevice & ByRecord & { readonly to: number };
  readonly move: ByDevice & ByRecord & { readonly to: number };
  readonly "api-update": ByRecord;
  readonly "api-delete": ByRecord;
  readonly "api-restore": ByRecord;
  readonly connect: ByDevice;
  readonly disconnect: ByDevice;
  readonly cut: ByDevice;
  readonly crash: ByDevice;
  readonly boot: ByDevice;
  readonly "die-at-write": ByDevice & { readonly writes: number; readonly after: boolean };
  readonly "cut-off": ByDevice & ForAWhile;
  readonly "set-clock": ByDevice & { readonly hours: number };
  readonly "back-up": ByDevice;
  readonly clone: ByDevice;
  readonly "roll-back": ByDevice;
  readonly "kill-coordinator": ForAWhile & { readonly replica: number };
  readonly "drain-coordinator": ForAWhile & { readonly replica: number };
  readonly "break-commits": Nothing;
  readonly "wipe-redis": Nothing;
  readonly "redis-away": ForAWhile;
  readonly "bus-away": ForAWhile;
  readonly "database-away": ForAWhile;
  readonly wait: ForAWhile;
  readonly night: { readonly hours: number };
  readonly restore: { readonly lost: number };
  readonly failover: { readonly lost: number };
}

/** One thing that happens. */
export type Step = { [Do in keyof Happenings]: { readonly do: Do } & Happenings[Do] }[keyof Happenings];

/** A step of one kind. */
export type StepOf<Do extends keyof Happenings> = { readonly do: Do } & Happenings[Do];

/** A whole schedule: who takes part, what happens, and the dice of everything that is not said here. */
export interface Schedule {
  readonly seed: number;
  /** How far the clocks of the devices are off at first, in hours. */
  readonly clocks: readonly number[];
  readonly steps: readonly Step[];
}

const who = fc.nat(3);
const which = fc.nat(11);
const ms = fc.integer({ min: 1, max: 3_000 });
/** Days ahead and days behind, and what hardly shows. */
const hours = fc.oneof(fc.constantFrom(0, 0, -48, 48, -0.00002, 0.0001), fc.integer({ min: -48, max: 48 }));

function step<Do extends keyof Happenings>(
  name: Do,
  fields: { readonly [Field in keyof Happenings[Do]]: fc.Arbitrary<Happenings[Do][Field]> },
): fc.Arbitrary<Step> {
  // The fields of a step of this kind make such a step.
  return fc.record(fields).map((values) => ({ do: name, ...values }) as unknown as Step);
}

const edits = [
  { weight: 6, arbitrary: step("create", { who, which }) },
  { weight: 2, arbitrary: step("import", { who, which: fc.nat(2) }) },
  { weight: 16, arbitrary: step("update", { who, which, keys: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 3, arbitrary: step("delete", { who, which }) },
  { weight: 4, arbitrary: step("relate", { who, which, to: which }) },
  { weight: 3, arbitrary: step("move", { who, which, to: which }) },
  { weight: 2, arbitrary: step("api-update", { which }) },
  { weight: 1, arbitrary: step("api-delete", { which }) },
  { weight: 1, arbitrary: step("api-restore", { which }) },
];

const faults = [
  { weight: 8, arbitrary: step("connect", { who }) },
  { weight: 3, arbitrary: step("disconnect", { who }) },
  { weight: 4, arbitrary: step("cut", { who }) },
  { weight: 3, arbitrary: step("crash", { who }) },
  { weight: 4, arbitrary: step("boot", { who }) },
  { weight: 3, arbitrary: step("die-at-write", { who, writes: fc.integer({ min: 1, max: 6 }), after: fc.boolean() }) },
  { weight: 2, arbitrary: step("cut-off", { who, ms }) },
  { weight: 2, arbitrary: step("set-clock", { who, hours }) },
  { weight: 1, arbitrary: step("back-up", { who }) },
  { weight: 1, arbitrary: step("clone", { who }) },
  { weight: 1, arbitrary: step("roll-back", { who }) },
  { weight: 2, arbitrary: step("kill-coordinator", { replica: fc.nat(1), ms }) },
  { weight: 1, arbitrary: step("drain-coordinator", { replica: fc.nat(1), ms }) },
  { weight: 2, arbitrary: step("break-commits", {}) },
  { weight: 1, arbitrary: step("wipe-redis", {}) },
  { weight: 1, arbitrary: step("redis-away", { ms }) },
  { weight: 1, arbitrary: step("bus-away", { ms }) },
  { weight: 1, arbitrary: step("database-away", { ms }) },
  { weight: 8, arbitrary: step("wait", { ms: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 1, arbitrary: step("night", { hours: fc.integer({ min: 1, max: 200 }) }) },
];

const restores = [
  { weight: 3, arbitrary: step("restore", { lost: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 2, arbitrary: step("failover", { lost: fc.nat(10) }) },
];

function scheduleOf(steps: fc.Arbitrary<Step>): fc.Arbitrary<Schedule> {
  return fc.record({
    seed: fc.noShrink(fc.nat()),
    clocks: fc.array(hours, { minLength: 2, maxLength: 4 }),
    steps: fc.array(steps, { minLength: 15, maxLength: 60, size: "max" }),
  });
}

/** Everything but the store losing what it had answered. */
export const schedules = scheduleOf(fc.oneof(...edits, ...faults));

/** With restores of backups and failovers that miss the last commits. */
export const schedulesWithRestores = scheduleOf(fc.oneof(...edits, ...faults, ...restores));

/** A schedule as it can be read. */
export function describeSchedule({ seed, clocks, steps }: Schedule): string {
  const lines = steps.map(({ do: name, ...fields }, index) => {
    const words = Object.entries(fields).map(([field, value]) => `${field} ${String(value)}`);
    return `  ${String(index + 1).padStart(2)} ${[name, ...words].join(" ")}`;
  });
  return [`seed ${seed}, clocks off by ${clocks.join(", ")} h`, ...lines].join("\n");
}
