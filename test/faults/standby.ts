import { chown, copyFile, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LOCAL_DATABASE } from "../../deploy/local/postgres-server.ts";
import type { LocalServer } from "../../deploy/local/server.ts";
import { errorCode } from "../../deploy/local/setup-error.ts";
import { OWN_PASSWORD } from "../support/own-servers.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { asSuperuser } from "../support/template-databases.ts";
import { type FaultSystem, REPLICATED } from "./fault-system.ts";

/** Not part of a base backup: what belongs to the running server, and the log, which the replica streams. */
const LEFT_OUT = new Set(["postmaster.pid", "postmaster.opts", "postgresql.auto.conf"]);
const LEFT_EMPTY = new Set([
  "pg_wal",
  "pg_replslot",
  "pg_dynshmem",
  "pg_notify",
  "pg_serial",
  "pg_snapshots",
  "pg_subtrans",
]);
const PATIENCE_MS = 30_000;

/** A replica that follows the system's PostgreSQL over a network of its own, until it is cut off and promoted. */
export class Standby implements AsyncDisposable {
  readonly #system: FaultSystem;
  readonly #server: LocalServer;
  readonly #network: TcpProxy;

  private constructor(system: FaultSystem, server: LocalServer, network: TcpProxy) {
    this.#system = system;
    this.#server = server;
    this.#network = network;
  }

  /** Makes one: base backup, standby.signal, streaming. Resolves when it has everything that was written until then. */
  static async follow(system: FaultSystem): Promise<Standby> {
    const primary = system.postgres;
    const cluster = `replica-${Date.now()}`;
    const directory = join(system.servers.folder, cluster);
    await baseBackup(primary, directory);
    const network = await TcpProxy.open({ targets: () => [primary.port] });
    const connection = `host=127.0.0.1 port=${network.port} user=${LOCAL_DATABASE} password=${OWN_PASSWORD}`;
    await writeFile(join(directory, "postgresql.auto.conf"), `primary_conninfo = '${connection}'\n`);
    await writeFile(join(directory, "standby.signal"), "");
    await giveTo(primary.directory, directory, ["postgresql.auto.conf", "standby.signal"]);
    const server = await system.servers.startPostgres(undefined, { cluster, settings: REPLICATED });
    const standby = new Standby(system, server, network);
    await standby.#catchUp();
    return standby;
  }

  /** From now on nothing that is committed reaches it. */
  cutOff(): void {
    this.#network.hold();
  }

  /** How far it has come with a household. */
  async headSeq(household: string): Promise<number> {
    const sql = "SELECT head_seq::int FROM households WHERE household_id = $1";
    const { rows } = await asSuperuser(this.#server.url, (client) => client.query(sql, [household]));
    return rows[0]?.head_seq ?? 0;
  }

  /** Becomes the system's PostgreSQL, reading only; the one before has to be dead. */
  takeOver(): void {
    this.#system.postgres = this.#server;
  }

  /** Is written to from now on, on a timeline of its own. */
  async promote(): Promise<void> {
    await asSuperuser(this.#server.url, (client) => client.query("SELECT pg_promote(true, 60)"));
  }

  /** Ends the network, and the replica too unless it has taken over. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#network[Symbol.asyncDispose]();
    if (this.#system.postgres !== this.#server) await this.#server.stop();
  }

  async #catchUp(): Promise<void> {
    const [row] = await this.#system.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const { rows } = await asSuperuser(this.#server.url, (client) =>
        client.query("SELECT coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) AS there", [row?.lsn]),
      );
      if (rows[0]?.there === true) return;
      if (performance.now() > deadlineMs) throw new Error("the replica does not catch up with the primary");
      await sleep(50);
    }
  }
}

/** As pg_basebackup does, which the npm package lacks. */
async function baseBackup(primary: LocalServer, directory: string): Promise<void> {
  await asSuperuser(primary.url, async (client) => {
    await client.query("SELECT pg_backup_start('replica', true)");
    await copyFolder(primary.directory, directory);
    const { rows } = await client.query("SELECT labelfile FROM pg_backup_stop(false)");
    await writeFile(join(directory, "backup_label"), rows[0]?.labelfile);
  });
  await giveTo(primary.directory, directory, ["backup_label"]);
}

/** Copies a folder that is written to meanwhile: what vanishes was not needed. */
async function copyFolder(from: string, to: string): Promise<void> {
  const { mode, uid, gid } = await stat(from);
  await mkdir(to, { mode });
  await chown(to, uid, gid);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory() && LEFT_EMPTY.has(entry.name)) {
      await mkdir(target, { mode });
      await chown(target, uid, gid);
    } else if (entry.isDirectory()) {
      await copyFolder(source, target);
    } else {
      await copyFileIfThere(source, target, { uid, gid });
    }
  }
}

async function copyFileIfThere(from: string, to: string, owner: { uid: number; gid: number }): Promise<void> {
  try {
    await copyFile(from, to);
    await chown(to, owner.uid, owner.gid);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

async function giveTo(ownedBy: string, directory: string, files: readonly string[]): Promise<void> {
  const { uid, gid } = await stat(ownedBy);
  for (const file of files) await chown(join(directory, file), uid, gid);
}
