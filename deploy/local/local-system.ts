import { existsSync, rmSync, writeFileSync } from "node:fs";
import { serveAddresses } from "./address-server.ts";
import { withoutPassword } from "./address-table.ts";
import { allSettledOrThrow } from "./all-settled-or-throw.ts";
import { type DataFolder, openDataFolder } from "./data-folder.ts";
import type { SystemAddresses, SystemTokens } from "./endpoints.ts";
import type { Say } from "./find-program.ts";
import { checkGivenServers } from "./given-servers.ts";
import { startInfrastructure } from "./infrastructure.ts";
import { type LocalIssuer, openIssuer } from "./issuer.ts";
import type { Paint, WriteLine } from "./log-lines.ts";
import { isPortFree, portsBetween } from "./ports.ts";
import { ProcessGroup, stopOrphans } from "./process-group.ts";
import { Publication } from "./publication.ts";
import { LAST_PORT_OFFSET, type RunOptions } from "./run-options.ts";
import { type LocalSecrets, openSecrets } from "./secrets.ts";
import type { LocalServer } from "./server.ts";
import { SERVICE_NODE_OPTIONS } from "./service-memory.ts";
import { type NodeProgram, runToEnd, startService } from "./service-process.ts";
import { SERVICES, type SystemSettings, serviceEnvironment, serviceUrls, writeServiceCredentials } from "./services.ts";
import { messageOf, SetupError } from "./setup-error.ts";
import { type Running, type Supervised, supervise } from "./supervise.ts";

/** Where the first of our servers may listen, above the services' ports. */
const FIRST_SERVER_PORT_OFFSET = 10;

/** Everything that {@link startLocalSystem} needs to know. */
export interface LocalSystemOptions extends RunOptions {
  readonly projectFolder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Tells the person what is going on. */
  readonly say: Say;
  /** Writes a line of a service's log. */
  readonly write: WriteLine;
  readonly paint: Paint;
  /** Aborting it ends a start that is under way; a system that runs is ended by disposing it. */
  readonly signal: AbortSignal;
}

/** A system that runs. Disposing stops the services, then the servers, and gives the data folder back. */
export interface LocalSystem extends AsyncDisposable {
  readonly addresses: SystemAddresses;
  readonly tokens: SystemTokens;
  readonly endpointsFile: string;
}

/** What is being brought up: filled step by step, so that whatever goes wrong there is a list of what to stop. */
interface Building {
  readonly options: LocalSystemOptions;
  readonly folder: DataFolder;
  readonly group: ProcessGroup;
  readonly issuer: LocalIssuer;
  readonly secrets: LocalSecrets;
  /** In the order in which it started. */
  readonly running: Supervised[];
  /** Called when something was started again. */
  onRestart: () => void;
}

/** Brings the whole system up. Whatever goes wrong, nothing of it is left running. @throws SetupError with one sentence for the person. */
export async function startLocalSystem(options: LocalSystemOptions): Promise<LocalSystem> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(openDataFolder(options.dataFolder));
  await clearRemains(folder, options.say);
  await checkPorts(options.port);
  await checkGivenServers(options.environment);
  const secrets = openSecrets(folder.path);
  const issuer = await openIssuer(folder.path);
  await writeServiceCredentials(folder.path, issuer);
  const group = opened.use(new ProcessGroup({ recordFile: folder.processRecord }));
  // A start that is called off ends by itself once nothing of it runs any more.
  const callOff = () => void group[Symbol.asyncDispose]();
  options.signal.addEventListener("abort", callOff, { once: true });
  const building: Building = { options, folder, group, issuer, secrets, running: [], onRestart: () => {} };
  opened.defer(() => stopInOrder(building.running));

  const settings = await startServers(building);
  await runToEnd(program("migrations", ["services/entity-store/src/main.ts", "migrate"], building, settings));
  await startServices(building, settings);
  const addresses = {
    ...settings.urls,
    postgres: settings.databaseUrl,
    redis: settings.redisUrl,
    nats: settings.natsUrl,
  };
  const publication = opened.use(await Publication.prepare({ ...building, addresses }));
  if (options.demo) await loadDemoHome(building, settings, publication.tokens.owner);
  const shown = { ...addresses, postgres: withoutPassword(addresses.postgres) };
  opened.use(await serveAddresses(options.port, shown));
  options.signal.throwIfAborted();
  options.signal.removeEventListener("abort", callOff);
  building.onRestart = () => publication.update();
  publication.ready();
  const stack = opened.move();
  return {
    addresses,
    tokens: publication.tokens,
    endpointsFile: folder.endpointsFile,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function clearRemains(folder: DataFolder, say: Say): Promise<void> {
  rmSync(folder.endpointsFile, { force: true });
  const left = await stopOrphans(folder.processRecord);
  if (left.length > 0) say(`stopped what an earlier run had left running: ${left.join(", ")}`);
}

async function checkPorts(first: number): Promise<void> {
  const wanted = [{ name: "the address table", portOffset: 0 }, ...SERVICES];
  for (const { name, portOffset } of wanted) {
    const port = first + portOffset;
    if (await isPortFree(port)) continue;
    throw new SetupError(
      `Port ${port}, which ${name} needs, is taken: stop what listens there, or choose another --port.`,
    );
  }
}

async function startServers(building: Building): Promise<SystemSettings> {
  const { options, folder, group, issuer, secrets } = building;
  const infrastructure = await startInfrastructure({
    group,
    directory: folder.path,
    ports: portsBetween(options.port + FIRST_SERVER_PORT_OFFSET, options.port + LAST_PORT_OFFSET),
    databasePassword: secrets.databasePassword,
    environment: options.environment,
    say: options.say,
  });
  for (const { server, startAgain } of infrastructure.servers) {
    let first: LocalServer | undefined = server;
    await keepRunning(building, server.name, async () => {
      const started = first ?? (await startAgain());
      first = undefined;
      return started;
    });
  }
  const { databaseUrl, redisUrl, natsUrl } = infrastructure;
  const urls = serviceUrls(options.port);
  const { environment } = options;
  return { dataFolder: folder.path, issuer, secrets, urls, databaseUrl, redisUrl, natsUrl, environment };
}

async function startServices(building: Building, settings: SystemSettings): Promise<void> {
  building.options.say("starting the services");
  const starts = SERVICES.map(({ name, key }) => {
    const service = program(name, [`services/${name}/src/main.ts`], building, settings);
    return keepRunning(building, name, () => startService(service, settings.urls[key]));
  });
  await allSettledOrThrow(starts);
}

async function keepRunning(building: Building, name: string, start: () => Promise<Running>): Promise<void> {
  const { say, signal } = building.options;
  building.running.push(await supervise({ name, start, say, signal, onRestart: () => building.onRestart() }));
}

/** Callers before those whom they call: the two that devices and assistants talk to, then what these need, then the servers. */
async function stopInOrder(running: readonly Supervised[]): Promise<void> {
  const phases: readonly (readonly string[])[] = [
    ["mcp-gateway", "sync-coordinator"],
    ["conflict-resolution"],
    ["entity-store"],
    ["nats", "redis", "postgres"],
  ];
  for (const phase of phases) {
    await Promise.all(running.filter(({ name }) => phase.includes(name)).map((one) => one.stop()));
  }
}

/** The demo home is loaded by the demo's own program, as any device would, once per data folder. A system without it is a system all the same. */
async function loadDemoHome(building: Building, settings: SystemSettings, ownerToken: string): Promise<void> {
  const { folder, options } = building;
  if (existsSync(folder.demoMarker)) return;
  const loader = program("demo-home", ["examples/demo/load-demo-home.ts"], building, settings);
  try {
    await runToEnd({ ...loader, environment: { ...loader.environment, FUNKYGIBBON_TOKEN: ownerToken } });
    writeFileSync(folder.demoMarker, "");
  } catch (error) {
    options.signal.throwIfAborted();
    options.say(messageOf(error));
  }
}

/** A program of this project, with what the services find in their environment. */
function program(name: string, args: readonly string[], building: Building, settings: SystemSettings): NodeProgram {
  const { projectFolder, write, paint } = building.options;
  const own = serviceEnvironment(name, settings);
  // Of two values of one option Node takes the later: what a person sets goes before what we do.
  const NODE_OPTIONS = `${SERVICE_NODE_OPTIONS} ${own.NODE_OPTIONS ?? ""}`;
  const environment = { ...own, NODE_OPTIONS };
  return { group: building.group, name, args, cwd: projectFolder, environment, write, paint };
}
