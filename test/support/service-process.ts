import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { GroupedProcess, ProcessGroup } from "../../deploy/local/process-group.ts";
import { startServer } from "../../deploy/local/server.ts";
import type { ConstellationGround, ConstellationUrls, ServiceName } from "./constellation-ground.ts";

/** A service as an operating-system process, which a test may kill and start again on the same port. */
export interface ServiceProcess {
  readonly name: ServiceName;
  readonly url: string;
  readonly pid: number;
  readonly isRunning: boolean;
  readonly isSuspended: boolean;
  /** SIGKILL: ends it at whatever instruction it is. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: asks it to drain and end. Resolves with how it ended, for example `exit code 0`. */
  stop(): Promise<string>;
  /** Starts it (again); resolves when it is ready. */
  start(): Promise<void>;
  /** SIGSTOP: it stands still, its connections stay open, and time goes on without it. */
  suspend(): void;
  /** SIGCONT: it goes on, knowing nothing of the pause. */
  resume(): void;
  /** Everything it has logged. */
  log(): string;
}

/** What a service process stands on. */
export interface ServicePlace {
  readonly group: ProcessGroup;
  /** Where its log goes. */
  readonly folder: string;
  readonly ground: Pick<ConstellationGround, "environment">;
  readonly urls: Partial<ConstellationUrls>;
}

/** A service that is not started yet. */
export function serviceProcess(
  { group, folder, ground, urls }: ServicePlace,
  name: ServiceName,
  port: number,
): ServiceProcess {
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(folder, `${name}-${port}.log`);
  let running: GroupedProcess | undefined;
  let suspended = false;
  const present = () => {
    if (running === undefined) throw new Error(`${name} does not run`);
    return running;
  };
  return {
    name,
    url,
    get pid() {
      return present().pid;
    },
    get isRunning() {
      return running !== undefined;
    },
    get isSuspended() {
      return suspended;
    },
    async kill() {
      const { child, exited } = present();
      running = undefined;
      child.kill("SIGKILL");
      await exited;
    },
    async stop() {
      const { child, exited } = present();
      running = undefined;
      child.kill("SIGTERM");
      return exited;
    },
    async start() {
      const { PATH, NODE_COMPILE_CACHE } = process.env;
      running = await startServer(group, {
        name,
        command: process.execPath,
        args: [fileURLToPath(new URL(`../../services/${name}/src/main.ts`, import.meta.url))],
        cwd: folder,
        env: { PATH, NODE_COMPILE_CACHE, ...ground.environment(name, port, urls) },
        logFile,
        stopSignal: "SIGTERM",
        stopWithinMs: 12_000,
        isReady: () => isReady(url),
        // A second and a half of one core; a test run shares its cores with others.
        readyWithinMs: 60_000,
      });
    },
    suspend() {
      present().child.kill("SIGSTOP");
      suspended = true;
    },
    resume() {
      present().child.kill("SIGCONT");
      suspended = false;
    },
    log: () => readFileSync(logFile, "utf8"),
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
