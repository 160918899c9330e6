import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError, failedPrecondition, invalid, notFound, unauthenticated } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { currentCallScope } from "@funkygibbon/runtime/call-scope";
import { Health } from "@funkygibbon/runtime/health";
import { createLogger, silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import type { TokenVerifier } from "../src/auth.ts";
import { type CallContext, isDraining } from "../src/call.ts";
import { createRpcClient } from "../src/client.ts";
import { encode } from "../src/encoded.ts";
import { type RpcServer, type RpcServerOptions, startRpcServer } from "../src/server.ts";
import { type Access, type Handlers, implement } from "../src/service.ts";
import { CountResponseSchema, EchoService } from "./echo_pb.ts";

export const ADA: Identity = {
  household: parseHouseholdId("house-1"),
  user: parseUserId("ada"),
  role: "member",
  scopes: [],
  device: undefined,
  expiresAt: 9e15,
  client: undefined,
};

/** Knows three tokens: `ada`, `gateway` (a service credential) and `actor`. */
export const threeTokenVerifier: TokenVerifier = {
  async verifyUser(token) {
    if (token !== "ada") throw unauthenticated("unknown token", "TOKEN_INVALID");
    return ADA;
  },
  async verifyService(token) {
    if (token !== "gateway") throw unauthenticated("unknown credential", "TOKEN_INVALID");
    return { name: "mcp-gateway" };
  },
  async verifyActor(token) {
    if (token !== "actor") throw unauthenticated("unknown actor", "TOKEN_INVALID");
    return { ...ADA, client: "claude" };
  },
};

/** What the handlers saw and did, for tests to look at. */
export interface Journal {
  readonly calls: CallContext[];
  /** Messages that Chat's handler has been given. */
  chatReceived: number;
  /** Whether the generator of Count ran its finally block. */
  countClosed: boolean;
  /** Lets the echoes of `rest` be answered. */
  readonly rested: PromiseWithResolvers<void>;
}

const BEHAVIOURS: Readonly<Record<string, (call: CallContext) => Promise<string>>> = {
  "fail invalid": async () => {
    throw invalid([{ field: "text", description: "must be kind" }]);
  },
  "fail not found": async () => {
    throw notFound("entity", "e-1");
  },
  "fail stale": async () => {
    throw new DomainError("stale", "it moved", { reason: "STALE", details: { etag: "v2" } });
  },
  "fail exhausted": async () => {
    throw new DomainError("exhausted", "too fast", { reason: "RATE_LIMITED", retryAfterMs: 1_500 });
  },
  "fail precondition": async () => {
    throw failedPrecondition("EPOCH_CHANGED", "another epoch \ud800", { epoch: "e2" });
  },
  bug: async () => {
    throw new TypeError("password=hunter2 is not a function");
  },
  "sleep ignoring the signal": async () => {
    await sleep(1_000);
    return "late";
  },
  "wait for the signal": async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    throw signal.reason;
  },
  headers: async (call) => {
    call.setResponseHeader("x-colour", "green");
    call.setTrailer("x-shape", "round");
    return "see headers";
  },
  scope: async () => {
    await sleep(1);
    return currentCallScope()?.requestId ?? "none";
  },
  who: async (call) => `${call.identity?.user ?? "-"}/${call.service?.name ?? "-"}/${call.identity?.client ?? "-"}`,
};

function handlers(journal: Journal): Handlers<typeof EchoService> {
  return {
    async echo(request, call) {
      journal.calls.push(call);
      if (request.text === "rest") await journal.rested.promise;
      return { text: (await BEHAVIOURS[request.text]?.(call)) ?? request.text };
    },

    async lookup(request, call) {
      journal.calls.push(call);
      if (request.text !== "flaky") return { text: request.text };
      if (journal.calls.length < 3) throw new DomainError("unavailable", "not yet", { reason: "UNAVAILABLE" });
      return { text: `at attempt ${journal.calls.length}` };
    },

    async *count(request, call) {
      journal.calls.push(call);
      try {
        for (let number = 1; number <= request.count; number++) {
          yield request.text === "encoded" ? encode(CountResponseSchema, { number }) : { number };
        }
        if (request.text === "then fail") throw invalid([{ field: "count", description: "is enough" }]);
        if (request.text === "then break") throw new TypeError("secret");
        if (request.text === "then wait") {
          await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
          if (isDraining(call.signal)) yield { number: -1 };
        }
      } finally {
        journal.countClosed = true;
      }
    },

    async chat(stream, call) {
      journal.calls.push(call);
      for await (const { text } of stream) {
        journal.chatReceived++;
        if (text === "fail") throw notFound("entity", "e-1");
        if (text === "bug") throw new TypeError("secret");
        if (text === "return") return;
        if (text === "slow") await sleep(300);
        else await stream.send({ text: `${text}!` });
      }
      if (isDraining(call.signal)) await stream.send({ text: "go away" });
    },
  };
}

/** A served EchoService with everything that tests look at. */
export interface EchoSystem extends AsyncDisposable {
  readonly server: RpcServer;
  readonly health: Health;
  readonly journal: Journal;
  readonly telemetry: ReturnType<typeof startTelemetry>;
  /** Parsed log lines so far. */
  logLines(): Record<string, unknown>[];
}

/** Starts one on a free port, open to everybody unless `access` says otherwise. */
export async function startEcho(options: Partial<RpcServerOptions> & { access?: Access } = {}): Promise<EchoSystem> {
  const { access = "open", ...serverOptions } = options;
  const journal: Journal = { calls: [], chatReceived: 0, countClosed: false, rested: Promise.withResolvers() };
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const health = new Health();
  const telemetry = startTelemetry({ service: "echo", version: "1" });
  const server = await startRpcServer({
    host: "127.0.0.1",
    port: 0,
    services: [implement(EchoService, { access, handlers: handlers(journal) })],
    verifier: threeTokenVerifier,
    health,
    log: await createLogger({ service: "echo", level: "debug", destination }),
    telemetry,
    ...serverOptions,
  });
  health.markServing();
  return {
    server,
    health,
    journal,
    telemetry,
    logLines: () => lines.map((line) => JSON.parse(line)),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await telemetry[Symbol.asyncDispose]();
    },
  };
}

/** Waits until `condition` holds, looking every few milliseconds; fails after 20 s. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await sleep(5);
  }
}

/** A client of the served service. */
export function clientOf(
  system: { readonly server: Pick<RpcServer, "url"> },
  options: { serviceToken?: () => string; deadlineMs?: number } = {},
) {
  return createRpcClient(EchoService, { url: system.server.url, log: silentLogger(), ...options });
}

/** What the work fails with; itself fails when the work succeeds. */
export async function errorOf(work: Promise<unknown>): Promise<DomainError> {
  return work.then(
    () => {
      throw new Error("expected it to fail");
    },
    (error) => error,
  );
}

/** All messages of a stream. */
export async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}
