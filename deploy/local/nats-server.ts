import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dockerCommand } from "./docker.ts";
import { findProgram, type Say, type WantedProgram } from "./find-program.ts";
import type { PortSupply } from "./ports.ts";
import type { ProcessGroup } from "./process-group.ts";
import { answers, type LocalServer, onFreePort, startServer } from "./server.ts";

const NATS: WantedProgram = {
  title: "NATS",
  commands: ["nats-server"],
  debianPackage: "nats-server",
  dockerImage: "nats:2-alpine",
  urlVariable: "NATS_URL",
};

/** Options of {@link startNats}. */
export interface NatsOptions {
  readonly group: ProcessGroup;
  /** Holds configuration, log and JetStream's store. */
  readonly directory: string;
  readonly ports: PortSupply;
  readonly say: Say;
  /** More lines of configuration in NATS's own format, for example accounts. */
  readonly configuration?: string;
}

/** Starts NATS with JetStream on 127.0.0.1 and returns when it answers. */
export async function startNats(options: NatsOptions): Promise<LocalServer> {
  const program = await findProgram(NATS, options.say);
  mkdirSync(options.directory, { recursive: true });
  const inContainer = program.kind === "docker";
  return onFreePort(options.ports, async (port) => {
    const file = join(options.directory, "nats.conf");
    writeFileSync(
      file,
      configuration(options, inContainer ? { host: "0.0.0.0", port: 4222 } : { host: "127.0.0.1", port }),
    );
    const run =
      program.kind === "binary"
        ? { command: program.path, args: ["--config", file] }
        : dockerCommand({
            image: program.image,
            port,
            containerPort: 4222,
            volumes: [`${options.directory}:${options.directory}`],
            command: ["nats-server", "--config", file],
          });
    const server = await startServer(options.group, {
      name: "nats",
      ...run,
      cwd: options.directory,
      logFile: join(options.directory, "nats.log"),
      stopSignal: "SIGTERM",
      stopWithinMs: 10_000,
      isReady: () => answers(port, "", "INFO "),
      readyWithinMs: inContainer ? 120_000 : 15_000,
    });
    return {
      name: "nats",
      url: `nats://127.0.0.1:${port}`,
      port,
      pid: server.pid,
      exited: server.exited,
      stop: server.stop,
      directory: options.directory,
    };
  });
}

function configuration(options: NatsOptions, listen: { host: string; port: number }): string {
  return [
    `host: "${listen.host}"`,
    `port: ${listen.port}`,
    `max_payload: 1MB`,
    `jetstream { store_dir: ${JSON.stringify(options.directory)}, max_memory_store: 64MB, max_file_store: 1TB }`,
    options.configuration ?? "",
  ].join("\n");
}
