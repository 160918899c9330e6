import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { HOME_RECORDS, writeLargeHome } from "./client-home.ts";
import { type Measurement, median, rounded } from "./measurement.ts";

const ROUNDS = 7;
const PROGRAM = join(import.meta.dirname, "client-open-process.ts");

interface Report {
  readonly ms: number;
  readonly megabytes: number;
  readonly rooms: number;
}

/**
 * Opening a replica of 50,000 records from its file, each time in a fresh process: until the graph can be asked, and the
 * memory that it takes. Baseline: `node:sqlite` reading the same rows into arrays.
 */
export async function run(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-client-"));
  try {
    const file = join(folder, "home.db");
    await writeLargeHome(file);
    const [opened, bare]: [Report[], Report[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await inFreshProcess("bare", file));
      opened.push(await inFreshProcess("client", file));
    }
    if (opened.some(({ rooms }) => rooms === 0)) throw new Error("the home was empty");
    return [
      compared(
        "client-open",
        "ms",
        opened.map((one) => one.ms),
        bare.map((one) => one.ms),
      ),
      compared(
        "client-memory",
        "MB",
        opened.map((one) => one.megabytes),
        bare.map((one) => one.megabytes),
      ),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function compared(name: string, unit: string, values: number[], bare: number[]): Measurement {
  const [value, baseline] = [median(values), median(bare)];
  const detail = { records: HOME_RECORDS, runs: values.map(rounded) };
  return { name, value: rounded(value), unit, baseline: rounded(baseline), ratio: rounded(baseline / value), detail };
}

async function inFreshProcess(what: "bare" | "client", file: string): Promise<Report> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, what, file]);
  return JSON.parse(stdout) as Report;
}
