import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isPortFree, type PortSupply } from "./ports.ts";
import type { GroupedProcess, ProcessGroup, ProcessSpec } from "./process-group.ts";
import { SetupError } from "./setup-error.ts";

/** A server that answers, started by us. */
export interface LocalServer {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Where its data is. */
  readonly directory: string;
  /** Resolves when it has ended, with a few words on how. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

/** A server process to start, and how to see that it answers. */
export interface ServerSpec extends Omit<ProcessSpec, "output"> {
  readonly logFile: string;
  readonly isReady: (pid: number) => Promise<boolean> | boolean;
  /** How long it may take to answer, in milliseconds. */
  readonly readyWithinMs: number;
}

/** Starts a server and returns when it answers. @throws SetupError with its last words when it does not. */
export async function startServer(group: ProcessGroup, spec: ServerSpec): Promise<GroupedProcess> {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const log = openSync(spec.logFile, "a");
  let ended: string | undefined;
  try {
    const server = await group.start({ ...spec, output: log });
    void server.exited.then((how) => {
      ended = how;
    });
    const deadline = Date.now() + spec.readyWithinMs;
    while (ended === undefined && Date.now() < deadline) {
      if (await spec.isReady(server.pid)) return server;
      await sleep(25);
    }
    const reason = ended ?? `no answer within ${spec.readyWithinMs / 1000} s`;
    await server.stop();
    throw new SetupError(`${spec.name} did not start (${reason}): ${lastWords(spec.logFile)}`);
  } finally {
    closeSync(log);
  }
}

/** Starts a server on the first port of the supply on which it succeeds; a port that someone else takes meanwhile is passed over. */
export async function onFreePort<T>(ports: PortSupply, start: (port: number) => Promise<T>): Promise<T> {
  for (;;) {
    const port = await ports.next();
    try {
      return await start(port);
    } catch (error) {
      if (await isPortFree(port)) throw error;
    }
  }
}

/** Sends `request` to a port of 127.0.0.1 and tells whether the answer begins with `expected`; false when nobody answers in time. */
export function answers(port: number, request: string, expected: string, withinMs = 1_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: withinMs });
    const finish = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => socket.write(request));
    socket.once("data", (data) => finish(data.toString("latin1").startsWith(expected)));
    socket.once("error", () => finish(false));
    socket.once("close", () => finish(false));
    socket.once("timeout", () => finish(false));
  });
}

function lastWords(logFile: string): string {
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-20);
  const telling = lines.findLast((line) => /fatal|error|panic|can't|cannot|denied|failed/i.test(line)) ?? lines.at(-1);
  return telling === undefined || telling === "" ? `see ${logFile}` : `${telling.trim()} (${logFile})`;
}
