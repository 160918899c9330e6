import type { Fault } from "./fault.ts";
import { clocksWrong } from "./faults/clocks.ts";
import { deviceCloned, deviceRestored } from "./faults/clones.ts";
import { failedOver } from "./faults/failover.ts";
import { killOf, rollingRestart } from "./faults/kills.ts";
import { deviceAYearLate } from "./faults/late-device.ts";
import { leaseHolderSuspended } from "./faults/lease-holder.ts";
import { natsAbsent, natsRestarted, natsWiped } from "./faults/nats.ts";
import { neighbourAtFullTilt } from "./faults/neighbours.ts";
import { networkCut, networkDelayed, networkHalved, networkReset } from "./faults/network.ts";
import { postgresCutOff, postgresKilled, postgresRestarted } from "./faults/postgres.ts";
import { redisFlushed, redisPaused, redisRestarted } from "./faults/redis.ts";
import { restoredDaysBefore, restoredUnderRunning } from "./faults/restores.ts";

/** Every fault by its name. */
export const FAULTS = {
  "kill-entity-store": killOf("entity-store"),
  "kill-sync-coordinator": killOf("sync-coordinator"),
  "kill-conflict-resolution": killOf("conflict-resolution"),
  "kill-mcp-gateway": killOf("mcp-gateway"),
  "rolling-restart": rollingRestart,
  "redis-flushed": redisFlushed,
  "redis-restarted": redisRestarted,
  "redis-paused": redisPaused,
  "nats-restarted": natsRestarted,
  "nats-wiped": natsWiped,
  "nats-absent": natsAbsent,
  "postgres-restarted": postgresRestarted,
  "postgres-killed": postgresKilled,
  "postgres-cut-off": postgresCutOff,
  "network-cut": networkCut,
  "network-reset": networkReset,
  "network-delayed": networkDelayed,
  "network-halved": networkHalved,
  "lease-holder-suspended": leaseHolderSuspended,
  "clocks-wrong": clocksWrong,
  "device-cloned": deviceCloned,
  "device-restored": deviceRestored,
  "device-a-year-late": deviceAYearLate,
  "neighbour-at-full-tilt": neighbourAtFullTilt,
  "restored-under-running": restoredUnderRunning,
  "restored-days-before": restoredDaysBefore,
  "failed-over": failedOver,
} satisfies Readonly<Record<string, Fault>>;

/** The name of a fault. */
export type FaultName = keyof typeof FAULTS;
