import { systemClock } from "@funkygibbon/kernel/clock";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import type { ServiceContext } from "@funkygibbon/runtime/run-service";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";

/** What a service lives in, without a process around it. */
export function testContext(service: string): ServiceContext & AsyncDisposable {
  const telemetry = startTelemetry({ service, version: "0.0.0" });
  const stopping = new AbortController();
  return {
    log: silentLogger(),
    telemetry,
    health: new Health(),
    clock: systemClock,
    signal: stopping.signal,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await telemetry[Symbol.asyncDispose]();
    },
  };
}
