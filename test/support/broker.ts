import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestInfrastructure, TestNats, TestRedis } from "./infrastructure.ts";
import { lazily } from "./infrastructure.ts";
import { TemplateDatabases } from "./template-databases.ts";

/** What test files ask the run for, and what they get. Test files run in processes of their own; the servers belong to the run. */
export interface BrokerAnswers {
  /** The superuser's URL. */
  readonly postgres: { readonly url: string };
  /** A database with these migrations applied, to be copied; made once per set of migrations. */
  readonly template: { readonly url: string; readonly template: string };
  /** A Redis database that nobody else uses. */
  readonly redis: { readonly url: string };
  /** A NATS account that nobody else uses, when the run has its own NATS. */
  readonly nats: { readonly url: string };
  /** The program of a browser. */
  readonly chromium: { readonly path: string };
}

/** Serves the run's infrastructure to its test files over HTTP on 127.0.0.1. */
export interface Broker extends AsyncDisposable {
  readonly url: string;
}

/** Starts the broker; it starts servers when test files ask for them, and disposing it stops those. */
export async function startBroker(infrastructure: TestInfrastructure): Promise<Broker> {
  const templates = lazily(async () => new TemplateDatabases(await infrastructure.postgres()));
  let redisCount = 0;
  let natsCount = 0;
  const answer = async (wanted: string, request: { directory?: string }): Promise<object> => {
    switch (wanted) {
      case "postgres":
        return { url: await infrastructure.postgres() };
      case "template": {
        const url = await infrastructure.postgres();
        return { url, template: await (await templates()).forMigrations(request.directory ?? "") };
      }
      case "redis":
        return { url: redisUrl(await infrastructure.redis(), ++redisCount) };
      case "nats":
        return { url: accountUrl(await infrastructure.nats(), ++natsCount) };
      case "chromium":
        return { path: await infrastructure.chromium() };
      default:
        throw new Error(`the broker has no ${wanted}`);
    }
  };
  const server = createServer((request, response) => {
    const respond = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    readJson(request)
      .then((body) => answer((request.url ?? "/").slice(1), body))
      .then((result) => respond(200, result))
      .catch((error: unknown) => respond(500, { message: error instanceof Error ? error.message : String(error) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      if (templates.started) await (await templates())[Symbol.asyncDispose]().catch(() => {});
      await infrastructure[Symbol.asyncDispose]();
    },
  };
}

/** Counts through the numbered databases but the first, which is nobody's; with more tests than databases they are used again. */
function redisUrl({ url, databases }: TestRedis, count: number): string {
  const numbered = new URL(url);
  numbered.pathname = `/${((count - 1) % (databases - 1)) + 1}`;
  return numbered.href;
}

function accountUrl({ url, accounts }: TestNats, count: number): string {
  if (accounts === 0) return url;
  const name = `t${((count - 1) % accounts) + 1}`;
  return url.replace("nats://", `nats://${name}:${name}@`);
}

async function readJson(request: IncomingMessage): Promise<{ directory?: string }> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? {} : JSON.parse(text);
}
