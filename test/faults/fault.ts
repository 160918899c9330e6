import type { PublicClients } from "../support/constellation-callers.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import type { Crowd, Holdings } from "./crowd.ts";
import type { FaultSystem } from "./fault-system.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** How much of a fault is played. */
export interface FaultSize {
  readonly name: "quick" | "full" | "long";
  /** Devices of the crowd. */
  readonly devices: number;
  /** How often whatever breaks is broken. */
  readonly rounds: number;
  /** How long an outage lasts at least and at most, in milliseconds. */
  readonly outageMs: readonly [number, number];
  /** Answers that the crowd gets before, between and after. */
  readonly answers: number;
  /** The longest pause between two edits of a device, in milliseconds. */
  readonly pauseMs: number;
  /**
   * Timeouts of half a minute (leases, silence, a client's wait for its next attempt) are waited for as they are, where
   * otherwise something else ends them.
   */
  readonly waitsInFull: boolean;
  /** How long anything that has to happen may take, in milliseconds. */
  readonly patienceMs: number;
}

/** `--quick`, by itself, and for hours. */
export const SIZES: Readonly<Record<FaultSize["name"], FaultSize>> = {
  quick: {
    name: "quick",
    devices: 3,
    rounds: 1,
    outageMs: [50, 500],
    answers: 8,
    pauseMs: 200,
    waitsInFull: false,
    patienceMs: 90_000,
  },
  full: {
    name: "full",
    devices: 8,
    rounds: 3,
    outageMs: [50, 4_000],
    answers: 60,
    pauseMs: 60,
    waitsInFull: true,
    patienceMs: 180_000,
  },
  long: {
    name: "long",
    devices: 20,
    rounds: 6,
    outageMs: [50, 15_000],
    answers: 250,
    pauseMs: 150,
    waitsInFull: true,
    patienceMs: 300_000,
  },
};

/** Figures that a fault adds to its report. */
export type Detail = Readonly<Record<string, number | string | boolean>>;

/** Where a fault is played: a system, and a household with a crowd of its own. */
export interface Stage {
  readonly system: FaultSystem;
  readonly crowd: Crowd;
  /** Between the crowd's devices and the coordinators; nobody else's. */
  readonly network: TcpProxy;
  /** The public services, as the crowd reaches them. */
  readonly clients: PublicClients;
  readonly size: FaultSize;
  readonly random: SeededRandom;
  /** A time for which something is out of order. */
  outageMs(): number;
  /** Says what is wrong beyond what is checked after every fault. */
  complain(violation: string): void;
  /** Remembers what each version of the log replaces, while that log is still there. */
  rememberLineage(): Promise<void>;
  /** What has to be in history at the end, though the log that had it is gone (I13). */
  mustComeBack(held: Holdings): void;
}

/** Something that happens to a system and may take nothing away from anybody. */
export interface Fault {
  /** For `--help`. */
  readonly summary: string;
  /** It renews the log's epoch; any other fault that does so is at fault. */
  readonly renewsEpoch?: boolean;
  /** A device may be told that another one has its name: that is what happens here. */
  readonly clones?: boolean;
  /** Breaks something while the crowd lives. What is broken at the end is repaired, the crowd settles, and all is checked. */
  play(stage: Stage): Promise<Detail | undefined>;
}

/** What came of it: one line of JSON. */
export interface FaultReport extends Detail {
  readonly fault: string;
  readonly seed: number;
  readonly size: FaultSize["name"];
  /** `held`: every promise was kept. `broken`: see violations. */
  readonly result: "held" | "broken";
  readonly devices: number;
  /** Edits that devices have confirmed to their users. */
  readonly edits: number;
  /** Versions that were answered for good. */
  readonly acknowledged: number;
  readonly durationMs: number;
  /** From the end of the fault until all replicas were equal. */
  readonly convergedMs: number;
}
