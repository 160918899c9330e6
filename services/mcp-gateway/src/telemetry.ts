import { DomainError } from "@funkygibbon/kernel/errors";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Telemetry } from "@funkygibbon/runtime/telemetry";
import { ToolFault } from "./domain/tool-fault.ts";
import type { ToolCallReport } from "./handlers/offer-tools.ts";

/** What happens in the gateway, said once to metrics and log alike. */
export interface GatewayTelemetry {
  toolCalled(report: ToolCallReport): void;
  /** A request that the MCP transport refused, or a fault of the transport itself. */
  transportFailed(error: Error): void;
  /** A client begins to listen for changes here (1), or has gone (-1). */
  listening(change: 1 | -1): void;
}

/** `done`; `asked`: the user is asked first; `refused`: the caller can do better; `failed`: not the caller's fault. */
type ToolOutcome = "done" | "asked" | "refused" | "failed";

/** Counts and logs; metrics bear the tool and its outcome, never a household. */
export function gatewayTelemetry(telemetry: Telemetry, log: Logger): GatewayTelemetry {
  const calls = telemetry.meter.createCounter("funkygibbon_mcp_tool_calls", { description: "Tool calls by outcome" });
  const durations = telemetry.meter.createHistogram("funkygibbon_mcp_tool_duration_seconds", {
    description: "Time from a tool call to its result",
    unit: "s",
  });
  const refusals = telemetry.meter.createCounter("funkygibbon_mcp_transport_refusals", {
    description: "Requests that were no valid MCP, and faults of its transport",
  });
  const listeners = telemetry.meter.createUpDownCounter("funkygibbon_mcp_listeners", {
    description: "Clients that listen for changes now",
  });
  return {
    toolCalled({ tool, callId, identity, clientName, era, durationMs, asked, error }) {
      const outcome = asked ? "asked" : outcomeOf(error);
      calls.add(1, { tool, outcome });
      durations.record(durationMs / 1_000, { tool });
      const facts = { callId, tool, outcome, household: identity.household, user: identity.user, clientName, era };
      const reason = reasonOf(error);
      if (outcome === "failed") log.error({ ...facts, durationMs, reason, err: error }, "mcp.tool-called");
      else log.info({ ...facts, durationMs, ...(reason === undefined ? {} : { reason }) }, "mcp.tool-called");
    },
    listening(change) {
      listeners.add(change);
    },
    transportFailed(error) {
      refusals.add(1);
      log.warn({ err: error }, "mcp.transport-refused");
    },
  };
}

const NOT_THE_CALLERS_FAULT = new Set(["internal", "unimplemented", "unavailable", "deadline-exceeded"]);

function outcomeOf(error: unknown): ToolOutcome {
  if (error === undefined) return "done";
  if (error instanceof ToolFault) return "refused";
  return error instanceof DomainError && !NOT_THE_CALLERS_FAULT.has(error.kind) ? "refused" : "failed";
}

function reasonOf(error: unknown): string | undefined {
  if (error instanceof ToolFault || error instanceof DomainError) return error.reason;
  return error === undefined ? undefined : "INTERNAL";
}
