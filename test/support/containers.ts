import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { findChromium } from "./find-chromium.ts";
import { lazily, natsAccounts, type TestInfrastructure } from "./infrastructure.ts";

/** The same servers in containers (TEST_INFRA=docker): for machines where Docker answers, and to test with other versions. */
export function containerInfrastructure(): TestInfrastructure {
  const started: StartedTestContainer[] = [];
  const start = async (container: GenericContainer, port: number) => {
    const running = await container.withExposedPorts(port).start();
    started.push(running);
    return `${running.getHost()}:${running.getMappedPort(port)}`;
  };
  const login = "funkygibbon";
  return {
    postgres: lazily(async () => {
      const container = new GenericContainer("postgres:18-alpine")
        .withEnvironment({ POSTGRES_USER: login, POSTGRES_PASSWORD: login, POSTGRES_DB: login })
        .withCommand(["postgres", "-c", "max_connections=300"])
        // The image starts a server to set itself up, and then the one that stays.
        .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2));
      return `postgres://${login}:${login}@${await start(container, 5432)}/${login}`;
    }),
    redis: lazily(async () => {
      const container = new GenericContainer("redis:7-alpine").withCommand(["redis-server", "--databases", "1000"]);
      return { url: `redis://${await start(container, 6379)}`, databases: 1_000 };
    }),
    nats: lazily(async () => {
      const content = `jetstream { store_dir: "/data", max_file_store: 1TB }\n${natsAccounts()}`;
      const container = new GenericContainer("nats:2-alpine")
        .withCopyContentToContainer([{ content, target: "/etc/nats-test.conf" }])
        .withCommand(["--config", "/etc/nats-test.conf"])
        .withWaitStrategy(Wait.forLogMessage(/Server is ready/));
      return { url: `nats://${await start(container, 4222)}`, accounts: 500 };
    }),
    // The browser is a program of the tests' own machine.
    chromium: lazily(() => findChromium(process.env, console.error)),
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((container) => container.stop()));
    },
  };
}
