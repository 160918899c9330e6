import { connect } from "node:net";
import { SetupError } from "./setup-error.ts";

const DEFAULT_PORTS = { DATABASE_URL: 5432, REDIS_URL: 6379, NATS_URL: 4222 } as const;
const WAIT_MS = 3_000;

/** Sees whether somebody answers where the environment says that servers are. @throws SetupError */
export async function checkGivenServers(environment: NodeJS.ProcessEnv): Promise<void> {
  for (const [variable, defaultPort] of Object.entries(DEFAULT_PORTS)) {
    const text = environment[variable];
    if (text === undefined || text === "") continue;
    const [first = ""] = text.split(",");
    const url = URL.parse(first);
    if (url === null || url.hostname === "") throw new SetupError(`${variable} is no URL of a server.`);
    const port = url.port === "" ? defaultPort : Number(url.port);
    if (await answers(url.hostname, port)) continue;
    throw new SetupError(`${variable} says that a server is at ${url.hostname}:${port}, but nobody answers there.`);
  }
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(WAIT_MS, () => finish(false));
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
  });
}
