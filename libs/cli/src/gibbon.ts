import { PastGraph } from "@funkygibbon/client/past-graph";
import { openServices, type Services } from "@funkygibbon/client/services";
import type { Clock } from "@funkygibbon/kernel/clock";
import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import { DomainError } from "@funkygibbon/kernel/errors";
import { type Home, openHome } from "./home.ts";
import type { Look } from "./present/look.ts";
import {
  type Connection,
  connectionOf,
  type Environment,
  profileFile,
  readProfile,
  replicaFile,
  undoFile,
} from "./profile.ts";
import type { Terminal } from "./terminal.ts";

/** How gibbon was called, whatever the command. */
export interface Settings {
  readonly profile: string;
  /** Answer for programs. */
  readonly json: boolean;
  /** Ask nobody: work with the replica alone. */
  readonly offline: boolean;
}

/** How long a command waits altogether for a server that takes calls and never answers, in milliseconds. */
const PATIENCE_MS = 10_000;

/** What a command has at hand. Nothing is opened or connected before it asks. */
export class Gibbon {
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly clock: Clock;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly #notes: string[] = [];
  #patienceMs = PATIENCE_MS;

  constructor(options: Pick<Gibbon, "settings" | "terminal" | "environment" | "clock" | "signal">) {
    this.settings = options.settings;
    this.terminal = options.terminal;
    this.environment = options.environment;
    this.clock = options.clock;
    this.signal = options.signal;
  }

  get nowMs(): number {
    return Math.floor(this.clock.now() / MICROS_PER_MS);
  }

  get look(): Look {
    return this.terminal.look(this.nowMs);
  }

  /** Whether a person can be asked. */
  get isInteractive(): boolean {
    return this.terminal.isInteractive && !this.settings.json;
  }

  get profileFile(): string {
    return profileFile(this.environment, this.settings.profile);
  }

  get replicaFile(): string {
    return replicaFile(this.environment, this.settings.profile);
  }

  get undoFile(): string {
    return undoFile(this.environment, this.settings.profile);
  }

  /** What was noted, for `--json`. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Says something beside the answer: on the error stream, or among the notes of `--json`. */
  note(text: string): void {
    this.#notes.push(text);
    if (!this.settings.json) this.terminal.note(text);
  }

  /** Where the home answers, read anew. @throws DomainError as {@link connectionOf}. */
  connection(): Connection {
    return connectionOf(readProfile(this.environment, this.profileFile));
  }

  /** As {@link connection}, or why there is none for now, which is no reason not to read. @throws DomainError (not set up). */
  connectionIfAny(): Connection | DomainError {
    try {
      return this.connection();
    } catch (error) {
      if (error instanceof DomainError && error.reason !== "NOT_SET_UP" && error.reason !== "USAGE") return error;
      throw error;
    }
  }

  /** The replica, brought up to date when the server answers; `mustBeLive`: or not at all. @throws DomainError. */
  openHome({ mustBeLive = false } = {}): Promise<Home> {
    return openHome(this, { mustBeLive });
  }

  /** @throws DomainError when asked to stay offline, for what only the server knows. */
  mustNotBeOffline(): void {
    if (!this.settings.offline) return;
    throw new DomainError("unavailable", "only the server knows that: leave out --offline", { reason: "OFFLINE" });
  }

  /** Says that a server was waited for in vain: what is asked after that has so much less time. */
  losePatience(ms: number): void {
    this.#patienceMs = Math.max(0, this.#patienceMs - ms);
  }

  /** The services, for what a replica does not hold. @throws DomainError when asked to stay offline. */
  services(): Services {
    this.mustNotBeOffline();
    return openServices({ urls: this.connection().urls, ...this.#asking() });
  }

  /** The graph as it was, asked of the server. @throws DomainError when asked to stay offline. */
  asOf(at: Date): PastGraph {
    this.mustNotBeOffline();
    return new PastGraph({ url: this.connection().urls.entityStore, at, signal: this.signal, ...this.#asking() });
  }

  #asking() {
    return { token: async () => this.connection().token, timeoutMs: this.#patienceMs };
  }
}
