import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyPorts } from "../../deploy/local/ports.ts";
import { ProcessGroup } from "../../deploy/local/process-group.ts";
import { type Constellation, peopleOf } from "./constellation.ts";
import {
  type ConstellationUrls,
  type GroundOptions,
  openGround,
  SERVICE_NAMES,
  type ServiceName,
} from "./constellation-ground.ts";
import { type ServiceProcess, serviceProcess } from "./service-process.ts";

/** A constellation whose services are processes. */
export interface ProcessConstellation extends Omit<Constellation, "anotherCoordinator" | "anotherGateway"> {
  readonly services: Readonly<Record<ServiceName, ServiceProcess>>;
  /** Two replicas side by side; the first is that of `services` and `urls`. */
  readonly coordinators: readonly [ServiceProcess, ServiceProcess];
  /** One more mcp-gateway beside the first, started. */
  anotherGateway(): Promise<ServiceProcess>;
  /** Where the services' logs are. */
  readonly folder: string;
}

/** Starts the services as `node services/<name>/src/main.ts`, as the runner and the containers do. */
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
  const second = serviceProcess(place, "sync-coordinator", await ports.next());
  const coordinators = [services["sync-coordinator"], second] as const;
  await Promise.all([...SERVICE_NAMES.map((name) => services[name].start()), second.start()]);
  const people = await peopleOf(ground, urls);
  opened.use(people.clients);
  const stack = opened.move();
  return {
    urls,
    ground,
    services,
    coordinators,
    folder,
    async anotherGateway() {
      const gateway = serviceProcess(place, "mcp-gateway", await ports.next());
      await gateway.start();
      return gateway;
    },
    ...people,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
