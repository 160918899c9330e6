import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { askBroker } from "../../test/support/ask-broker.ts";
import { isPortFree } from "./ports.ts";
import { identifyProcess } from "./process-identity.ts";
import { type FakeProject, fakeProject } from "./testing/fake-project.ts";
import { type StartedRunner, startRunner } from "./testing/started-runner.ts";

// A start has eight programs to bring up, on machines that do other things as well.
vi.setConfig({ testTimeout: 120_000 });

const SERVICE_NAMES = ["conflict-resolution", "entity-store", "mcp-gateway", "sync-coordinator"];
const NAMES = ["conflict-resolution", "entity-store", "mcp-gateway", "nats", "postgres", "redis", "sync-coordinator"];

let project: FakeProject;
let data: string;
let port: number;
const started: StartedRunner[] = [];
/** For tests of anything but the servers: those of the test run, which spares each a database of its own. */
let lent: { DATABASE_URL: string; REDIS_URL: string; NATS_URL: string };

beforeAll(async () => {
  const [postgres, redis, nats] = await Promise.all([askBroker("postgres"), askBroker("redis"), askBroker("nats")]);
  lent = { DATABASE_URL: postgres.url, REDIS_URL: redis.url, NATS_URL: nats.url };
});

beforeEach(async () => {
  project = fakeProject();
  data = join(mkdtempSync(join(tmpdir(), "funkygibbon-data-")), "data");
  chmodSync(join(data, ".."), 0o755);
  port = await fivePorts();
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((runner) => runner.process.exitCode === null && runner.stop()));
  project[Symbol.dispose]();
  rmSync(join(data, ".."), { recursive: true, force: true });
  rmSync(`${data}-b`, { recursive: true, force: true });
});

type StartOptions = Partial<Parameters<typeof startRunner>[2]> & { data?: string };

/** Starts a system with servers of its own. */
function startWhole(options: StartOptions = {}): StartedRunner {
  const environment = { DATABASE_URL: "", REDIS_URL: "", NATS_URL: "", ...options.environment };
  const runner = startRunner(project.folder, options.data ?? data, { port, ...options, environment });
  started.push(runner);
  return runner;
}

/** Starts a system on servers that it is given. */
function start(options: StartOptions = {}): StartedRunner {
  return startWhole({ ...options, environment: { ...lent, ...options.environment } });
}

/** The first of a system's ports: the runner takes up to thirty above it. */
async function fivePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + 50 * Math.floor(Math.random() * 200);
    const free = await Promise.all(Array.from({ length: 20 }, (_, offset) => isPortFree(first + offset)));
    if (free.every(Boolean)) return first;
  }
}

async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 50) {
    if (await holds()) return;
    await sleep(50);
  }
  expect.fail(`${what}: never happened`);
}

const runs = (pid: number | undefined) => pid !== undefined && identifyProcess(pid) !== undefined;
const answer = async (url: string) => (await fetch(url)).json();

/** Nothing of a system is left: no process, no port, no lock, no address. */
async function expectNothingLeft(pids: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, pid] of Object.entries(pids)) await eventually(`${name} has ended`, () => !runs(pid));
  for (let offset = 0; offset < 5; offset++) expect(await isPortFree(port + offset)).toBe(true);
  for (const file of ["runner.lock", "endpoints.json", "processes.json"])
    expect(existsSync(join(data, file))).toBe(false);
}

describe("a start", () => {
  test("brings up servers and services, publishes them, and a stop leaves nothing behind but the data", async () => {
    const runner = startWhole();
    const endpoints = await runner.ready();
    expect(Object.keys(endpoints.pids).sort()).toEqual(NAMES);
    expect(endpoints).toMatchObject({
      entityStore: `http://127.0.0.1:${port + 1}`,
      syncCoordinator: `http://127.0.0.1:${port + 2}`,
      conflictResolution: `http://127.0.0.1:${port + 3}`,
      mcpGateway: `http://127.0.0.1:${port + 4}`,
    });
    expect(Object.keys(endpoints.tokens)).toEqual(["owner", "member", "guest", "otherHousehold"]);
    for (const url of [endpoints.postgres, endpoints.redis, endpoints.nats]) {
      const at = Number(new URL(url).port) - port;
      expect(at >= 10 && at <= 30, url).toBe(true);
    }
    expect(await answer(endpoints.entityStore)).toMatchObject({
      DATABASE_URL: endpoints.postgres,
      REDIS_URL: endpoints.redis,
      NATS_URL: endpoints.nats,
    });
    const { tokens: _tokens, pids: _pids, ...addresses } = endpoints;
    const postgres = endpoints.postgres.replace(/:[0-9a-f]+@/, "@");
    expect(await answer(`http://127.0.0.1:${port}`)).toEqual({ ...addresses, postgres });
    expect(runner.printed()).toContain("FunkyGibbon is ready");
    expect(runner.printed()).toContain(endpoints.tokens.owner);
    expect(runner.printed()).toContain(`loading for http://127.0.0.1:${port + 2}`);
    await withDatabase(endpoints.postgres, (client) => client.query("CREATE TABLE kept (id int)"));
    expect(await runner.stop("SIGINT")).toBe(0);
    const drained = [...runner.printed().matchAll(/(\S+) +info {2}fake\.drained/g)].map(([, name]) => name);
    expect(drained.slice(0, 2).sort()).toEqual(["mcp-gateway", "sync-coordinator"]);
    expect(drained.slice(2)).toEqual(["conflict-resolution", "entity-store"]);
    await expectNothingLeft(endpoints.pids);

    const second = startWhole();
    const again = await second.ready();
    await withDatabase(again.postgres, (client) => client.query("SELECT id FROM kept"));
    expect(second.printed()).not.toContain("loading for");
  });

  test("without the demo home loads none, and does so when asked later", async () => {
    const without = start({ more: ["--no-demo"] });
    await without.ready();
    expect(without.printed()).not.toContain("loading for");
    await without.stop();
    const later = start();
    await later.ready();
    expect(later.printed()).toContain("loading for");
  });

  test("goes on when the demo home cannot be loaded, and says so", async () => {
    project.write("examples/demo/load-demo-home.ts", `console.error("no door is open"); process.exit(1);`);
    const runner = start();
    await runner.ready();
    expect(runner.printed()).toContain("demo-home failed (exit code 1): no door is open");
  });

  test("of two copies with folders and ports of their own makes two systems", async () => {
    const one = start();
    const first = await one.ready();
    const other = await fivePorts();
    const two = start({ data: `${data}-b`, port: other });
    const second = await two.ready();
    expect(new Set([...Object.values(first.pids), ...Object.values(second.pids)]).size).toBe(8);
    await one.stop();
    expect(await answer(second.entityStore)).toMatchObject(lent);
  });

  test("can be called off before it is ready", async () => {
    project.write("services/mcp-gateway/src/main.ts", "setInterval(() => {}, 1000);");
    const runner = start();
    await eventually("services are being started", () => runner.printed().includes("starting the services"));
    await sleep(300);
    expect(await runner.stop("SIGINT")).toBe(0);
    await expectNothingLeft({});
  });
});

describe("a running system", () => {
  test("starts a service again that was killed, says so, and publishes its new process", async () => {
    const runner = start();
    const { pids, entityStore } = await runner.ready();
    process.kill(pids["entity-store"] ?? 0, "SIGKILL");
    await eventually("entity-store is back", () => runner.printed().includes("entity-store is back"));
    expect(runner.printed()).toContain("entity-store ended (signal SIGKILL); starting it again in 0.25 s");
    const { pid } = await answer(entityStore);
    expect(pid).not.toBe(pids["entity-store"]);
    await eventually("the new process is published", async () => (await runner.ready()).pids["entity-store"] === pid);
    expect((await runner.ready()).pids["mcp-gateway"]).toBe(pids["mcp-gateway"]);
  });

  test("takes ever longer to start a service again that keeps failing", async () => {
    const runner = start();
    const { pids } = await runner.ready();
    project.write("services/mcp-gateway/src/main.ts", `console.error("out of luck"); process.exit(3);`);
    process.kill(pids["mcp-gateway"] ?? 0, "SIGKILL");
    const wanted = "mcp-gateway ended (mcp-gateway did not start (exit code 3): out of luck); starting it again in 1 s";
    await eventually("the third attempt", () => runner.printed().includes(wanted));
  });

  test("starts servers again that were killed; when the runner is killed its reaper stops all, and the next start needs no help", async () => {
    const runner = startWhole();
    const { pids, postgres } = await runner.ready();
    for (const name of ["redis", "nats", "postgres"]) process.kill(pids[name] ?? 0, "SIGKILL");
    for (const name of ["redis", "nats", "postgres"]) {
      await eventually(`${name} is back`, () => runner.printed().includes(`${name} is back`));
    }
    await withDatabase(postgres, (client) => client.query("SELECT 1"));
    const after = await runner.ready();
    await runner.stop("SIGKILL");
    const next = startWhole();
    // Until it clears the remains, the file of the one before is still there.
    await eventually("the next one is ready", () => next.printed().includes("FunkyGibbon is ready"));
    for (const [name, pid] of Object.entries(after.pids)) expect(runs(pid), name).toBe(false);
    expect(await next.stop()).toBe(0);
  });
});

describe("a start that cannot succeed says one sentence and leaves nothing running", () => {
  async function expectRefusal(runner: StartedRunner, sentence: RegExp): Promise<void> {
    expect(await runner.ended()).toBe(1);
    const lines = runner
      .printed()
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("funkygibbon "));
    expect(lines.filter((line) => !/^\d\d:\d\d:\d\d\.\d{3} /.test(line))).toEqual([expect.stringMatching(sentence)]);
  }

  test("when an option is wrong", async () => {
    await expectRefusal(
      start({ more: ["--bogus"] }),
      /^Unknown option '--bogus': npm start -- --help lists the options\.$/,
    );
    await expectRefusal(start({ port: 99_999 }), /^--port takes a number from 1024 to 65505, not 99999\.$/);
  });

  test("when a port is taken", async () => {
    const squatter = createServer().listen(port + 3, "127.0.0.1");
    await expectRefusal(start(), new RegExp(`^Port ${port + 3}, which conflict-resolution needs, is taken: `));
    squatter.close();
    expect(existsSync(join(data, "runner.lock"))).toBe(false);
  });

  test("when another one has the folder", async () => {
    const first = start();
    const { pids } = await first.ready();
    await expectRefusal(
      start({ port: await fivePorts() }),
      /^The data folder .* is in use by another FunkyGibbon \(process \d+\)/,
    );
    for (const [name, pid] of Object.entries(pids)) expect(runs(pid), name).toBe(true);
  });

  test("when the data folder is a file, or full of other things", async () => {
    writeFileSync(data, "");
    await expectRefusal(start(), /is no folder/);
    rmSync(data);
    mkdirSync(data);
    writeFileSync(join(data, "holiday.jpg"), "");
    await expectRefusal(start(), /holds other things/);
  });

  test("when the database in the folder is damaged", async () => {
    mkdirSync(join(data, "postgres"), { recursive: true });
    await expectRefusal(startWhole(), /is damaged \(PG_VERSION is missing\)/);
    writeFileSync(join(data, "postgres", "PG_VERSION"), "9\n");
    await expectRefusal(startWhole(), /was made by PostgreSQL 9 and this is \d+/);
    await expectNothingLeft({});
  });

  test("when the keys in the folder are damaged", async () => {
    mkdirSync(join(data, "keys"), { recursive: true });
    writeFileSync(join(data, "keys", "issuer.jwk.json"), "{}");
    await expectRefusal(start(), /issuer\.jwk\.json is damaged/);
    rmSync(join(data, "keys", "issuer.jwk.json"));
    writeFileSync(join(data, "keys", "secrets.json"), "{}");
    await expectRefusal(start(), /secrets\.json is damaged/);
  });

  test("when a service does not start, and gives its last words", async () => {
    project.write("services/sync-coordinator/src/main.ts", `console.error("no such luck"); process.exit(7);`);
    await expectRefusal(start(), /^sync-coordinator did not start \(exit code 7\): no such luck$/);
    await expectNothingLeft({});
  });

  test("when the migrations fail", async () => {
    project.write("services/entity-store/src/main.ts", `console.error("schema is odd"); process.exit(1);`);
    await expectRefusal(start(), /^migrations failed \(exit code 1\): schema is odd$/);
    await expectNothingLeft({});
  });

  test("when a given server is not there", async () => {
    await expectRefusal(
      start({ environment: { REDIS_URL: "redis://127.0.0.1:1" } }),
      /^REDIS_URL says that a server is at 127\.0\.0\.1:1, but nobody/,
    );
  });
});

test("a folder closed to the database's user has its cluster elsewhere", async (context) => {
  if (process.getuid?.() !== 0) return context.skip();
  chmodSync(join(data, ".."), 0o700);
  const runner = startWhole();
  const { pids } = await runner.ready();
  const cluster =
    /-D (\S+)/.exec(readFileSync(`/proc/${pids.postgres}/cmdline`, "utf8").replaceAll("\0", " "))?.[1] ?? "";
  expect(cluster).toMatch(/^\/var\/lib\/funkygibbon\/[0-9a-f]{16}$/);
  await runner.stop();
  rmSync(cluster, { recursive: true });
});

test("servers given by the environment are used and left alone", async () => {
  const runner = start();
  const { pids, postgres, redis, nats } = await runner.ready();
  expect({ DATABASE_URL: postgres, REDIS_URL: redis, NATS_URL: nats }).toEqual(lent);
  expect(Object.keys(pids).sort()).toEqual(SERVICE_NAMES);
  await runner.stop();
  await withDatabase(lent.DATABASE_URL, (client) => client.query("SELECT 1"));
});

async function withDatabase(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await work(client);
  await client.end();
}
