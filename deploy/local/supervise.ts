import { setTimeout as sleep } from "node:timers/promises";
import type { Say } from "./find-program.ts";
import { messageOf } from "./setup-error.ts";

/** Something that runs: a server or a service. */
export interface Running {
  readonly pid: number;
  /** Resolves when it has ended, with a few words on how. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

/** Something that runs and is started again when it ends. */
export interface Supervised {
  readonly name: string;
  /** Of the process that runs now; undefined between two. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Options of {@link supervise}. */
export interface SuperviseOptions {
  readonly name: string;
  /** Starts it and returns when it answers. */
  readonly start: () => Promise<Running>;
  readonly say: Say;
  /** Called after each restart. */
  readonly onRestart: () => void;
  /** Once aborted nothing is started again. */
  readonly signal: AbortSignal;
}

const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 15_000;
/** Whoever ran this long is not in a loop of crashes. */
const STEADY_AFTER_MS = 30_000;

/** Starts something and keeps it running until stopped. @throws what the first start throws. */
export async function supervise(options: SuperviseOptions): Promise<Supervised> {
  const stopping = new AbortController();
  const stopped = AbortSignal.any([stopping.signal, options.signal]);
  let running: Running | undefined = await options.start();
  const loop = keepRunning();
  return {
    name: options.name,
    get pid() {
      return running?.pid;
    },
    async stop() {
      stopping.abort();
      await running?.stop();
      await loop;
      // A start that was under way when we were asked to stop.
      await running?.stop();
    },
  };

  async function keepRunning(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    for (;;) {
      const startedAt = performance.now();
      let how = (await running?.exited) ?? "";
      running = undefined;
      if (performance.now() - startedAt > STEADY_AFTER_MS) backoffMs = FIRST_BACKOFF_MS;
      while (running === undefined) {
        if (stopped.aborted) return;
        options.say(`${options.name} ended (${how}); starting it again in ${backoffMs / 1_000} s`);
        await sleep(backoffMs, undefined, { signal: stopped }).catch(() => {});
        if (stopped.aborted) return;
        backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
        try {
          running = await options.start();
        } catch (error) {
          how = messageOf(error);
        }
      }
      if (stopped.aborted) return;
      options.say(`${options.name} is back (process ${running.pid})`);
      options.onRestart();
    }
  }
}
