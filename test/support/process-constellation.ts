import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { anyPorts } from "../../deploy/local/ports.ts";
import { type GroupedProcess, ProcessGroup } from "../../deploy/local/process-group.ts";
import { startServer } from "../../deploy/local/server.ts";
import { type Constellation, peopleOf } from "./constellation.ts";
import {
  type ConstellationGround,
  type ConstellationUrls,
  type GroundOptions,
  openGround,
  SERVICE_NAMES,
  type ServiceName,
} from "./constellation-ground.ts";

/** A service as an operating-system process, which a test may kill and start again on the same port. */
export interface ServiceProcess {
  readonly name: ServiceName;
  readonly url: string;
  readonly pid: number;
  readonly isRunning: boolean;
  /** SIGKILL: ends it at whatever instruction it is. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: asks it to drain and end. Resolves with how it ended, for example `exit code 0`. */
  stop(): Promise<string>;
  /** Starts it (again); resolves when it is ready. */
  start(): Promise<void>;
  /** Everything it has logged. */
  log(): string;
}

/** A constellation whose services are processes. */
export interface ProcessConstellation extends Constellation {
  readonly services: Readonly<Record<ServiceName, ServiceProcess>>;
}

/** Starts the four services as `node services/<name>/src/main.ts`, as the runner and the containers do. */
export async function processConstellation(options: GroundOptions = {}): Promise<ProcessConstellation> {
  await using opened = new AsyncDisposableStack();
  const ground = opened.use(await openGround(options));
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-processes-"));
  const group = opened.use(new ProcessGroup({ temporaryFolder: folder }));
  const ports = anyPorts();
  const port = { entityStore: 0, syncCoordinator: 0, conflictResolution: 0, mcpGateway: 0 };
  for (const name of Object.keys(port) as (keyof typeof port)[]) port[name] = await ports.next();
  const at = (portNumber: number) => `http://127.0.0.1:${portNumber}`;
  const urls: ConstellationUrls = {
    entityStore: at(port.entityStore),
    syncCoordinator: at(port.syncCoordinator),
    conflictResolution: at(port.conflictResolution),
    mcpGateway: at(port.mcpGateway),
  };
  const place = { group, folder, ground, urls };
  const services = {
    "entity-store": serviceProcess(place, "entity-store", port.entityStore),
    "conflict-resolution": serviceProcess(place, "conflict-resolution", port.conflictResolution),
    "sync-coordinator": serviceProcess(place, "sync-coordinator", port.syncCoordinator),
    "mcp-gateway": serviceProcess(place, "mcp-gateway", port.mcpGateway),
  };
  await Promise.all(SERVICE_NAMES.map((name) => services[name].start()));
  const people = await peopleOf(ground, urls);
  opened.use(people.clients);
  const stack = opened.move();
  return { urls, ground, services, ...people, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

interface Place {
  readonly group: ProcessGroup;
  readonly folder: string;
  readonly ground: ConstellationGround;
  readonly urls: ConstellationUrls;
}

function serviceProcess({ group, folder, ground, urls }: Place, name: ServiceName, port: number): ServiceProcess {
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(folder, `${name}.log`);
  let running: GroupedProcess | undefined;
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
      running = await startServer(group, {
        name,
        command: process.execPath,
        args: [fileURLToPath(new URL(`../../services/${name}/src/main.ts`, import.meta.url))],
        cwd: folder,
        env: { PATH: process.env.PATH, ...ground.environment(name, port, urls) },
        logFile,
        stopSignal: "SIGTERM",
        stopWithinMs: 12_000,
        isReady: () => isReady(url),
        // A second and a half of one core; a test run shares its cores with others.
        readyWithinMs: 60_000,
      });
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
