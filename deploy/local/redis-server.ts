import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { dockerCommand } from "./docker.ts";
import { findProgram, type Say, type WantedProgram } from "./find-program.ts";
import type { PortSupply } from "./ports.ts";
import type { ProcessGroup } from "./process-group.ts";
import { answers, type LocalServer, onFreePort, startServer } from "./server.ts";

const REDIS: WantedProgram = {
  title: "Redis",
  commands: ["redis-server", "valkey-server"],
  debianPackage: "redis-server",
  dockerImage: "redis:7-alpine",
  urlVariable: "REDIS_URL",
};

/** Options of {@link startRedis}. */
export interface RedisOptions {
  readonly group: ProcessGroup;
  /** Where its log goes. It keeps no data on disk: all that Redis holds here can be rebuilt from PostgreSQL. */
  readonly directory: string;
  readonly ports: PortSupply;
  readonly say: Say;
  /** How many numbered databases it has. Default 16. */
  readonly databases?: number;
  /** Makes it a cluster of one node with all slots, whose bus has this port: it refuses whatever a larger one refuses. */
  readonly clusterBusPort?: number;
}

/** Starts Redis on 127.0.0.1 and returns when it answers. */
export async function startRedis(options: RedisOptions): Promise<LocalServer> {
  const program = await findProgram(REDIS, options.say);
  mkdirSync(options.directory, { recursive: true });
  return onFreePort(options.ports, async (port) => {
    const { clusterBusPort, databases = 16 } = options;
    const settings = ["--save", "", "--appendonly", "no", "--databases", String(databases)];
    if (clusterBusPort !== undefined) settings.push(...clusterOfOne(port, clusterBusPort));
    const run =
      program.kind === "binary"
        ? {
            command: program.path,
            args: ["--port", String(port), "--bind", "127.0.0.1", "--daemonize", "no", ...settings],
          }
        : dockerCommand({ image: program.image, port, containerPort: 6379, command: ["redis-server", ...settings] });
    const server = await startServer(options.group, {
      name: "redis",
      ...run,
      cwd: options.directory,
      logFile: join(options.directory, "redis.log"),
      stopSignal: "SIGTERM",
      stopWithinMs: 10_000,
      isReady: () => (clusterBusPort === undefined ? answers(port, "PING\r\n", "+PONG") : hasAllSlots(port)),
      readyWithinMs: program.kind === "binary" ? 15_000 : 120_000,
    });
    return {
      name: "redis",
      url: `redis://127.0.0.1:${port}${clusterBusPort === undefined ? "" : "?cluster=true"}`,
      port,
      pid: server.pid,
      exited: server.exited,
      stop: server.stop,
      directory: options.directory,
    };
  });
}

function clusterOfOne(port: number, busPort: number): string[] {
  return [
    ...["--cluster-enabled", "yes", "--cluster-config-file", `nodes-${port}.conf`, "--cluster-port", String(busPort)],
    // Without company a node does not know its own address.
    ...["--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", String(port)],
  ];
}

/** Gives it all slots when it has none yet. */
async function hasAllSlots(port: number): Promise<boolean> {
  await answers(port, "CLUSTER ADDSLOTSRANGE 0 16383\r\n", "+OK");
  return answers(port, "SET {ready} 1\r\n", "+OK");
}
