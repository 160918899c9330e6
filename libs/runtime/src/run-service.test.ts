import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ConfigurationError } from "./config.ts";
import { type Host, runService, type ServiceContext, type ServiceDefinition } from "./run-service.ts";

const runtime = { production: false, logLevel: "silent", logFile: undefined, otlpEndpoint: undefined } as const;

/** A process that does not exist: tests send it signals and read its exit code. */
function fakeHost() {
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  let signal: (name: string) => void = () => {};
  let fault: (error: unknown, kind: string) => void = () => {};
  const errors: string[] = [];
  const host: Host = {
    environment: { PORT: "1" },
    onSignal: (listener) => {
      signal = listener;
    },
    onFault: (listener) => {
      fault = listener;
    },
    writeError: (text) => errors.push(text),
    exit: resolve,
  };
  return {
    host,
    exited,
    errors,
    send: (name: string) => signal(name),
    crash: (error: unknown) => fault(error, "uncaughtException"),
  };
}

function definitionWith(parts: Partial<ServiceDefinition<object>> & { events?: string[] }): ServiceDefinition<object> {
  const { events = [] } = parts;
  return {
    name: "store",
    configure: () => ({ runtime }),
    start: async () => ({
      drain: async () => {
        events.push("drain");
      },
      [Symbol.asyncDispose]: async () => {
        events.push("dispose");
      },
    }),
    ...parts,
  };
}

async function started(contexts: ServiceContext[]): Promise<ServiceContext> {
  await expect.poll(() => contexts[0]?.health.state).toBe("serving");
  const [context] = contexts;
  if (context === undefined) throw new Error("not started");
  return context;
}

describe("runService", () => {
  it("prints every problem of the configuration in one block and exits with 1", async () => {
    const { host, exited, errors } = fakeHost();
    const configure = () => {
      throw new ConfigurationError([
        { variable: "PORT", problem: "is required" },
        { variable: "DATABASE_URL", problem: "must be a URL starting with postgres://" },
      ]);
    };
    await runService(definitionWith({ configure }), host);
    expect(await exited).toBe(1);
    expect(errors).toEqual([
      "store cannot start; its configuration has these problems:\n  PORT is required\n  DATABASE_URL must be a URL starting with postgres://\n",
    ]);
  });

  it("drains, disposes and exits with 0 on SIGTERM", async () => {
    const { host, exited, send } = fakeHost();
    const events: string[] = [];
    const contexts: ServiceContext[] = [];
    const base = definitionWith({ events });
    const start: typeof base.start = (config, context) => {
      contexts.push(context);
      return base.start(config, context);
    };
    void runService({ ...base, start }, host);
    const { health, signal } = await started(contexts);
    send("SIGTERM");
    expect(await exited).toBe(0);
    expect(events).toEqual(["drain", "dispose"]);
    expect([health.state, signal.aborted]).toEqual(["draining", true]);
  });

  it("exits with 1 when the start fails", async () => {
    const { host, exited } = fakeHost();
    await runService(definitionWith({ start: () => Promise.reject(new Error("no database")) }), host);
    expect(await exited).toBe(1);
  });

  it("exits with 1 when the drain does not end in time", async () => {
    const { host, exited, send } = fakeHost();
    const contexts: ServiceContext[] = [];
    const start: ServiceDefinition<object>["start"] = async (_config, context) => {
      contexts.push(context);
      return { drain: () => new Promise(() => {}), [Symbol.asyncDispose]: async () => {} };
    };
    void runService(definitionWith({ start, drainMs: 30 }), host);
    await started(contexts);
    send("SIGINT");
    expect(await exited).toBe(1);
  });

  it("exits at once with 1 on a second signal", async () => {
    const { host, exited, send } = fakeHost();
    const contexts: ServiceContext[] = [];
    const start: ServiceDefinition<object>["start"] = async (_config, context) => {
      contexts.push(context);
      // Longer than this test may take.
      return { drain: () => sleep(60_000, undefined, { ref: false }), [Symbol.asyncDispose]: async () => {} };
    };
    void runService(definitionWith({ start }), host);
    await started(contexts);
    send("SIGINT");
    send("SIGINT");
    expect(await exited).toBe(1);
  });

  it("winds down and exits with 1 after a crash", async () => {
    const { host, exited, crash } = fakeHost();
    const events: string[] = [];
    const contexts: ServiceContext[] = [];
    const base = definitionWith({ events });
    const start: typeof base.start = (config, context) => {
      contexts.push(context);
      return base.start(config, context);
    };
    void runService({ ...base, start }, host);
    await started(contexts);
    crash(new TypeError("x is undefined"));
    expect(await exited).toBe(1);
    expect(events).toEqual(["drain", "dispose"]);
  });

  it("gives up a start that minds the signal, and leaves one that does not", async () => {
    const minding = fakeHost();
    void runService(
      definitionWith({
        start: (_config, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      }),
      minding.host,
    );
    await sleep(20);
    minding.send("SIGTERM");
    expect(await minding.exited).toBe(0);

    const stubborn = fakeHost();
    void runService(definitionWith({ start: () => new Promise(() => {}), drainMs: 30 }), stubborn.host);
    await sleep(20);
    stubborn.send("SIGTERM");
    expect(await stubborn.exited).toBe(0);
  });
});
