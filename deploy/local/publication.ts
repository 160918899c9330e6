import { rmSync } from "node:fs";
import type { DataFolder } from "./data-folder.ts";
import { type Endpoints, mintTokens, type SystemAddresses, type SystemTokens } from "./endpoints.ts";
import { type LocalIssuer, TOKEN_TTL_SECONDS } from "./issuer.ts";
import { writePrivateFile } from "./private-file.ts";
import { writeServiceCredentials } from "./services.ts";
import type { Supervised } from "./supervise.ts";

/** What {@link Publication} tells the world about. */
export interface Published {
  readonly folder: DataFolder;
  readonly issuer: LocalIssuer;
  readonly addresses: SystemAddresses;
  readonly running: readonly Supervised[];
}

/**
 * DIR/endpoints.json and the credentials of the services: kept true while the system runs (tokens are made anew at half
 * their life, process ids follow restarts), and the file gone when it does not.
 */
export class Publication implements Disposable {
  readonly #of: Published;
  readonly #refresh: NodeJS.Timeout;
  #tokens: SystemTokens;
  #ready = false;

  /** Use {@link Publication.prepare}. */
  constructor(of: Published, tokens: SystemTokens) {
    this.#of = of;
    this.#tokens = tokens;
    this.#refresh = setInterval(() => void this.#renew(), (TOKEN_TTL_SECONDS / 2) * 1_000);
  }

  /** Mints the first tokens; nothing is written before {@link ready}. */
  static async prepare(of: Published): Promise<Publication> {
    return new Publication(of, await mintTokens(of.issuer));
  }

  get tokens(): SystemTokens {
    return this.#tokens;
  }

  /** The system can be used: writes the file. */
  ready(): void {
    this.#ready = true;
    this.update();
  }

  /** Something about the processes has changed. */
  update(): void {
    if (!this.#ready) return;
    const running = this.#of.running.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, pid] as const]));
    const endpoints: Endpoints = { ...this.#of.addresses, tokens: this.#tokens, pids: Object.fromEntries(running) };
    writePrivateFile(this.#of.folder.endpointsFile, `${JSON.stringify(endpoints, null, 2)}\n`);
  }

  [Symbol.dispose](): void {
    this.#ready = false;
    clearInterval(this.#refresh);
    rmSync(this.#of.folder.endpointsFile, { force: true });
  }

  async #renew(): Promise<void> {
    await writeServiceCredentials(this.#of.folder.path, this.#of.issuer);
    this.#tokens = await mintTokens(this.#of.issuer);
    this.update();
  }
}
