import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";
import { SetupError } from "./setup-error.ts";
import { type StoppableProcess, stopProcess, stopProcesses } from "./stop-processes.ts";

/** What to run, and how to end it. */
export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Run as this user instead of our own; only root can. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Where its output goes: an open file, or pipes that the caller reads. */
  readonly output: number | "pipe";
  readonly stopSignal: NodeJS.Signals;
  readonly stopWithinMs: number;
}

/** What a reaper has to put in order when its program is killed. */
export interface Estate {
  readonly processes: readonly StoppableProcess[];
  readonly temporaryFolder?: string | undefined;
}

/** A started process. */
export interface GroupedProcess {
  readonly name: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when it has ended, whyever, with a few words: `exit code 1`, `signal SIGKILL`. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

/**
 * The processes that one program started and answers for. Each has its own process group, so that Ctrl-C reaches only
 * the program, which stops them in order. A reaper stops them if the program is killed, and a record on disk lets the
 * next start find what even the reaper could not stop.
 */
export class ProcessGroup implements AsyncDisposable {
  readonly #recordFile: string | undefined;
  readonly #temporaryFolder: string | undefined;
  readonly #reaper: ChildProcess;
  #running: StoppableProcess[] = [];
  #ending = false;
  #disposed = false;

  /**
   * @param options.recordFile where to note what runs; no note is kept without it.
   * @param options.temporaryFolder removed at the end, whatever the end is.
   */
  constructor(options: { recordFile?: string; temporaryFolder?: string } = {}) {
    this.#recordFile = options.recordFile;
    this.#temporaryFolder = options.temporaryFolder;
    this.#reaper = spawn(process.execPath, [fileURLToPath(new URL("./reaper.ts", import.meta.url))], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      cwd: "/",
    });
    // A reaper that died takes nothing with it; writing to it must not end us either.
    this.#reaper.stdin?.on("error", () => {});
    this.#reaper.unref();
    if (this.#reaper.stdin instanceof Socket) this.#reaper.stdin.unref();
    this.#note([]);
  }

  /** Starts a process. @throws SetupError when the command cannot be executed. */
  async start(spec: ProcessSpec): Promise<GroupedProcess> {
    if (this.#ending) throw new SetupError(`${spec.name} is not started any more`);
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env ?? process.env,
      stdio: ["ignore", spec.output, spec.output],
      detached: true,
      ...spec.user,
    });
    const exited = new Promise<string>((resolve) => {
      child.once("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
    await once(child, "spawn").catch((error) => {
      throw new SetupError(`${spec.name} cannot be started: ${error instanceof Error ? error.message : String(error)}`);
    });
    const pid = child.pid ?? 0;
    const identity = identifyProcess(pid) ?? { pid, startedAt: "gone" };
    const entry: StoppableProcess = {
      ...identity,
      name: spec.name,
      stopSignal: spec.stopSignal,
      stopWithinMs: spec.stopWithinMs,
    };
    this.#note([...this.#running, entry]);
    void exited.then(() => this.#note(this.#running.filter((other) => other !== entry)));
    return { name: spec.name, pid, child, exited, stop: () => stopAndWait(entry, exited) };
  }

  /** Stops whatever still runs, the last started first, and ends the reaper. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    await stopProcesses([...this.#running]);
    this.#note([]);
    this.#disposed = true;
    if (this.#temporaryFolder !== undefined) rmSync(this.#temporaryFolder, { recursive: true, force: true });
    this.#reaper.stdin?.end();
    if (this.#recordFile !== undefined) rmSync(this.#recordFile, { force: true });
  }

  #note(running: StoppableProcess[]): void {
    if (this.#disposed) return;
    this.#running = running;
    const estate: Estate = { processes: running, temporaryFolder: this.#temporaryFolder };
    this.#reaper.stdin?.write(`${JSON.stringify(estate)}\n`);
    if (this.#recordFile === undefined) return;
    const draft = `${this.#recordFile}.new`;
    writeFileSync(draft, JSON.stringify(running));
    renameSync(draft, this.#recordFile);
  }
}

async function stopAndWait(entry: StoppableProcess & ProcessIdentity, exited: Promise<string>): Promise<void> {
  await stopProcess(entry);
  await exited;
}

/** Stops what an earlier program noted in `recordFile` and left running; returns their names. A damaged record counts as empty. */
export async function stopOrphans(recordFile: string): Promise<string[]> {
  const left = readRecord(recordFile).filter((entry) => identifyProcess(entry.pid)?.startedAt === entry.startedAt);
  await stopProcesses(left);
  rmSync(recordFile, { force: true });
  return left.map((entry) => entry.name);
}

function readRecord(recordFile: string): StoppableProcess[] {
  try {
    const entries: unknown = JSON.parse(readFileSync(recordFile, "utf8"));
    return Array.isArray(entries) ? entries : [];
  } catch {
    return [];
  }
}
