import { must } from "@funkygibbon/kernel/must";

/** One line of a benchmark's result. */
export interface Measurement {
  readonly name: string;
  /** The median where there are several runs. */
  readonly value: number;
  /** `s`, `ms`, `/s`, `KB`. */
  readonly unit: string;
  /** What the least that anybody must do takes, measured in the same run; in the same unit. */
  readonly baseline: number;
  /** How much of the baseline's speed is reached: 1 is as fast. */
  readonly ratio: number;
  /** Where a latency is meant. */
  readonly p50?: number;
  readonly p99?: number;
  /** Where two sizes are compared: the larger one's value in terms of the smaller one's. */
  readonly growth?: number;
  /** Each run, or what else helps to judge the value. */
  readonly detail?: Readonly<Record<string, number | string | readonly number[]>>;
}

/** What `npm run bench -- --only NAME` runs. */
export interface Benchmark {
  run(): Promise<Measurement[]>;
}

/** The value below which this share of the values is. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return must(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))], "there are measurements");
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** Three significant figures: the rest is noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
