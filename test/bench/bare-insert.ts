import { createHash } from "node:crypto";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
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
  ["outcome", "smallint", () => 1],
  ["origin_channel", "text", () => null],
  ["origin_client", "text", () => null],
  ["origin_tool", "text", () => null],
  ["origin_call", "text", () => null],
];

/**
 * The baseline of all ratios: the same rows as the log's by a bare INSERT, primary key only, ordinary node-pg arrays, one
 * connection, each batch its own durable transaction.
 */
export class BareInsert implements AsyncDisposable {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** @param url of a superuser. */
  static async open(url: string): Promise<BareInsert> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new BareInsert(client);
  }

  /** Seconds that the changes take, in batches of this size, into an empty table. */
  async seconds(changes: readonly Change[], batchSize: number): Promise<number> {
    const durations = await this.batches(changes, batchSize);
    return durations.reduce((sum, ms) => sum + ms, 0) / 1_000;
  }

  /** Milliseconds of each batch. */
  async batches(changes: readonly Change[], batchSize: number): Promise<number[]> {
    const columns = COLUMNS.map(([name, type]) => `${name} ${type}`).join(", ");
    await this.#client.query("drop table if exists bare_versions");
    await this.#client.query(
      `create table bare_versions (${columns}, parents text[] not null, primary key (household_id, seq))`,
    );
    const names = COLUMNS.map(([name]) => name).join(", ");
    const arrays = COLUMNS.map(([, type], index) => `$${index + 1}::${type}[]`).join(", ");
    const text = `insert into bare_versions (${names}, parents) select r.*, '{}'::text[] from unnest(${arrays}) as r`;
    const durations: number[] = [];
    for (let start = 0; start < changes.length; start += batchSize) {
      const batch = changes.slice(start, start + batchSize);
      const values = COLUMNS.map(([, , value]) => batch.map((change, index) => value(change, start + index + 1)));
      const began = performance.now();
      await this.#client.query({ name: "bare-insert", text, values });
      durations.push(performance.now() - began);
    }
    return durations;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.query("drop table if exists bare_versions");
    await this.#client.end();
  }
}

function bodyOf({ content }: Change): string {
  return content.case === "entity" ? content.value.bodyJson : "";
}
