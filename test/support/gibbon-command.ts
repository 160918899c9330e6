import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { run } from "@funkygibbon/cli/run";
import type { Constellation } from "./constellation.ts";
import type { TestHousehold } from "./constellation-callers.ts";
import type { ConstellationUrls } from "./constellation-ground.ts";
import { REPOSITORY } from "./run-tool.ts";

/** How gibbon ended. */
export interface GibbonResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `--json` answers. */
export interface GibbonAnswer<Data> {
  readonly ok: boolean;
  readonly data: Data;
  readonly error: {
    readonly kind: string;
    readonly reason: string;
    readonly message: string;
    readonly suggestions?: readonly { readonly id: string; readonly label: string }[];
  };
  readonly notes: readonly string[];
}

/** An entity, as `--json` answers it. */
export interface EntityAnswer {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly body: Record<string, unknown>;
  readonly where?: string;
}

const PROGRAM = join(REPOSITORY, "libs/cli/src/main.ts");

/** A person at a machine of their own: gibbon as a process, with folders that nobody else uses. */
export class GibbonUser implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "gibbon-user-"));
  readonly #environment: Record<string, string | undefined>;
  readonly #children: ChildProcess[] = [];

  constructor(environment: Readonly<Record<string, string>> = {}) {
    const clean = Object.entries(process.env).filter(
      ([name]) => !/^(FUNKYGIBBON|GIBBON)_|_URL$|^(VISUAL|EDITOR)$/.test(name),
    );
    this.#environment = {
      ...Object.fromEntries(clean),
      XDG_CONFIG_HOME: join(this.folder, "config"),
      XDG_DATA_HOME: join(this.folder, "data"),
      ...environment,
    };
  }

  /** Logs in by addresses, the token on the input, in this process. */
  async login(urls: ConstellationUrls, token: string): Promise<GibbonResult> {
    const { syncCoordinator, entityStore, conflictResolution } = urls;
    const addresses = ["--sync", syncCoordinator, "--store", entityStore, "--conflicts", conflictResolution];
    return this.#runHere(["login", ...addresses], `${token}\n`);
  }

  /** Runs gibbon to its end. */
  async run(
    words: readonly string[],
    options: { readonly input?: string; readonly environment?: Readonly<Record<string, string>> } = {},
  ): Promise<GibbonResult> {
    const child = this.start(words, options.environment);
    child.stdin?.end(options.input ?? "");
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : "")),
    );
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    return { code: child.exitCode, stdout: stdout ?? "", stderr: stderr ?? "" };
  }

  /**
   * Runs gibbon with `--json` in this process, which is several times faster than one of its own.
   * @throws when it does not answer with one JSON document.
   */
  async ask<Data>(...words: readonly string[]): Promise<GibbonAnswer<Data> & { readonly code: number | null }> {
    const { code, stdout, stderr } = await this.#runHere([...words, "--json"], "");
    try {
      return { ...JSON.parse(stdout), code };
    } catch (error) {
      throw new Error(`gibbon ${words.join(" ")} answered ${JSON.stringify(stdout)}: ${stderr}`, { cause: error });
    }
  }

  /** Starts gibbon; it ends with this person at the latest. */
  start(words: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
    return this.#spawn(process.execPath, [PROGRAM, ...words], environment);
  }

  /** Starts gibbon in a terminal of its own, as a person would; what is written to it is typed. Linux only. */
  startInTerminal(words: readonly string[]): ChildProcess {
    const line = [process.execPath, PROGRAM, ...words].map((word) => `'${word}'`).join(" ");
    return this.#spawn("script", ["-qec", `stty cols 100 rows 40; ${line}`, "/dev/null"], { TERM: "xterm" });
  }

  #spawn(command: string, args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(command, args, {
      cwd: this.folder,
      env: { ...this.#environment, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: 30_000,
    });
    this.#children.push(child);
    return child;
  }

  async #runHere(words: readonly string[], input: string): Promise<GibbonResult> {
    const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
    const written = Promise.all([text(streams.stdout), text(streams.stderr)]);
    const code = await run({
      ...streams,
      words,
      environment: this.#environment,
      stdin: Readable.from([input]),
      signal: AbortSignal.timeout(30_000),
    });
    for (const stream of Object.values(streams)) stream.end();
    const [stdout, stderr] = await written;
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) if (child.exitCode === null) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A person of a household who has logged in. */
export async function somebody(
  { urls }: Constellation,
  household: TestHousehold,
  role: keyof TestHousehold["tokens"] = "owner",
): Promise<GibbonUser> {
  const user = new GibbonUser();
  const { code, stderr } = await user.login(urls, household.tokens[role]);
  if (code !== 0) throw new Error(`gibbon login: ${stderr}`);
  return user;
}
