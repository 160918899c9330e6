import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { expect, test } from "vitest";
import { entityStoreTelemetry } from "./telemetry.ts";

test("metrics say what was committed, what waits, and how far the relay lags, and never for which household", async () => {
  await using telemetry = startTelemetry({ service: "entity-store", version: "test" });
  const metrics = entityStoreTelemetry(telemetry);
  metrics.groupCommitted({ jobs: 3, versions: 5, durationMs: 4, outcome: "committed" });
  metrics.groupCommitted({ jobs: 1, versions: 0, durationMs: 4, outcome: "failed" });
  metrics.observeQueue(() => 7);
  metrics.relayLag({ households: 2, versions: 9, ageMs: 1_500 });
  const lines = (await telemetry.prometheusText()).split("\n").filter((line) => line.startsWith("funkygibbon_store_"));
  const value = (name: string) => Number(lines.find((line) => line.startsWith(name))?.match(/\} (\S+)/)?.[1]);
  expect(value("funkygibbon_store_versions")).toBe(5);
  expect(value("funkygibbon_store_commit_queue")).toBe(7);
  expect(value("funkygibbon_store_relay_lag_versions")).toBe(9);
  expect(value("funkygibbon_store_relay_lag_seconds")).toBe(1.5);
  expect(value("funkygibbon_store_commit_group_jobs_sum")).toBe(4);
  expect(lines.filter((line) => line.includes("household"))).toEqual([]);
});
