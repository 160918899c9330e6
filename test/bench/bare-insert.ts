import { createHash } from "node:crypto";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { must } from "@funkygibbon/kernel/must";
import pg from "pg";

/** The columns of record_versions with their types; `parents` is always empty here. */
const COLUMNS: readonly (readonly [name: string, type: string, value: (change: Change, seq: number) => unknown])[] = [
  ["household_id", "text", () => "bare"],
  ["seq", "bigint", (_change, seq) => seq],
  ["record_id", "uuid", (change) => change.recordId],
  ["version", "text", (change) => change.version],
  ["device_id", "text", () => "phone"],
  ["sequence", "bigint", (_change, seq) => seq],
  ["kind", "smallint", () => 1],
  ["type", "smallint", () => 3],
  ["from_id", "uuid", () => null],
  ["to_id", "uuid", () => null],
  ["body", "text", (change) => bodyOf(change)],
  ["body_removed", "boolean", () => false],
  ["deleted", "boolean", () => false],
  ["content_hash", "bytea", (change) => createHash("sha256").update(bodyOf(change)).digest()],
  ["stamps", "text", () => null],
  ["source", "smallint", () => 2],
  ["author", "text", () => "ada"],
  ["healer", "text", () => null],
  ["claimed_us", "bigint", () => 1_795_340_000_000_000],
  ["effective_us", "bigint", () => 1_795_340_000_000_000],
  ["committed_us", "bigint", () => 1_795_340_000_000_000],
  ["created_us", "bigint", () => 1_795_340_000_000_000],
  ["outcome", "smallint", () => 1],
  ["origin_channel", "text", () => null],
  ["origin_client", "text", () => null],
  ["origin_tool", "text", () => null],
  ["origin_call", "text", () => null],
];

/**
 * The baseline of all ratios: the same rows as the log's by a bare INSERT, primary key only, ordinary node-pg arrays, each
 * statement its own durable transaction.
 */
export class BareInsert implements AsyncDisposable {
  readonly #clients: readonly pg.Client[];

  private constructor(clients: readonly pg.Client[]) {
    this.#clients = clients;
  }

  /** @param url of a superuser. @param connections more than one only for {@link singleRowsPerSecond}. */
  static async open(url: string, connections = 1): Promise<BareInsert> {
    const clients = Array.from({ length: connections }, () => new pg.Client({ connectionString: url }));
    await Promise.all(clients.map((client) => client.connect()));
    return new BareInsert(clients);
  }

  /** Seconds that the changes take over one connection, in batches of this size, into an empty table. */
  async seconds(changes: readonly Change[], batchSize: number): Promise<number> {
    const durations = await this.batches(changes, batchSize);
    return durations.reduce((sum, ms) => sum + ms, 0) / 1_000;
  }

  /** Milliseconds of each batch. */
  async batches(changes: readonly Change[], batchSize: number): Promise<number[]> {
    const client = await this.#emptyTable();
    const durations: number[] = [];
    for (let start = 0; start < changes.length; start += batchSize) {
      const batch = changes.slice(start, start + batchSize);
      const values = COLUMNS.map(([, , value]) => batch.map((change, index) => value(change, start + index + 1)));
      const began = performance.now();
      await client.query({ name: "bare-insert", text: INSERT_BATCH, values });
      durations.push(performance.now() - began);
    }
    return durations;
  }

  /** Rows a second that all connections together insert, one row a statement. */
  async singleRowsPerSecond(changes: readonly Change[]): Promise<number> {
    await this.#emptyTable();
    let next = 0;
    const began = performance.now();
    await Promise.all(
      this.#clients.map(async (client) => {
        for (let change = changes[next]; change !== undefined; change = changes[next]) {
          next += 1;
          const seq = next;
          const row = change;
          const values = COLUMNS.map(([, , value]) => value(row, seq));
          await client.query({ name: "bare-insert-one", text: INSERT_ONE, values });
        }
      }),
    );
    return (changes.length * 1_000) / (performance.now() - began);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[0]?.query("drop table if exists bare_versions");
    await Promise.all(this.#clients.map((client) => client.end()));
  }

  async #emptyTable(): Promise<pg.Client> {
    const client = must(this.#clients[0], "at least one connection was asked for");
    await client.query("drop table if exists bare_versions");
    await client.query(CREATE_TABLE);
    return client;
  }
}

const NAMES = COLUMNS.map(([name]) => name).join(", ");
const ARRAYS = COLUMNS.map(([, type], index) => `$${index + 1}::${type}[]`).join(", ");
const VALUES = COLUMNS.map(([, type], index) => `$${index + 1}::${type}`).join(", ");
const CREATE_TABLE = `create table bare_versions (${COLUMNS.map(([name, type]) => `${name} ${type}`).join(", ")},
  parents text[] not null, primary key (household_id, seq))`;
const INSERT_BATCH = `insert into bare_versions (${NAMES}, parents) select r.*, '{}'::text[] from unnest(${ARRAYS}) as r`;
const INSERT_ONE = `insert into bare_versions (${NAMES}, parents) values (${VALUES}, '{}')`;

function bodyOf({ content }: Change): string {
  return content.case === "entity" ? content.value.bodyJson : "";
}
