import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement } from "@funkygibbon/postgres/transaction";
import { typeParsers } from "@funkygibbon/postgres/type-parsers";
import pg from "pg";
import { expect } from "vitest";

/** A session of the application role as the service opens it, whose plans auto_explain tells. */
export class ExplainingSession implements AsyncDisposable {
  readonly #client: pg.Client;
  #plans: string[] = [];

  private constructor(client: pg.Client) {
    this.#client = client;
    client.on("notice", (notice) => this.#plans.push(notice.message ?? ""));
  }

  static async open(url: string, planSettings: Readonly<Record<string, string>>): Promise<ExplainingSession> {
    const client = new pg.Client({ connectionString: url, types: typeParsers });
    await client.connect();
    const session = new ExplainingSession(client);
    const settings = {
      ...planSettings,
      "auto_explain.log_min_duration": "0",
      "auto_explain.log_nested_statements": "off",
      "auto_explain.log_level": "notice",
      role: "funkygibbon_app",
    };
    await client.query("load 'auto_explain'");
    for (const [name, value] of Object.entries(settings)) await client.query(`set ${name} = '${value}'`);
    return session;
  }

  get database(): Database {
    const client = this.#client;
    const query = async <Row>({ name, text, rowMode }: Statement, values: readonly unknown[] = []) => {
      const config = { name, text, values: [...values] };
      const result = rowMode === "array" ? await client.query({ ...config, rowMode }) : await client.query(config);
      return result.rows as Row[];
    };
    return {
      async inTransaction({ households }, work) {
        await client.query(`begin read only; select set_config('app.households', '${scopeOf(households)}', true)`);
        const execute = async (statement: Statement) => (await query(statement)).length;
        try {
          return await work({ query, execute, scopeTo: async () => {} });
        } finally {
          await client.query("commit");
        }
      },
      ping: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** What a question is answered with, and the plans of the statements it took, without that of where the log stands. */
  async plansOf(question: () => Promise<unknown>): Promise<{ readonly answer: unknown; readonly plans: string }> {
    this.#plans = [];
    const answer = await question();
    const plans = this.#plans.filter((plan) => /heads_|record_versions_|Seq Scan/.test(plan.replace(/^Query.*$/m, "")));
    return { answer, plans: plans.join("\n") };
  }

  /** Demands that a question looks into these indexes alone, and for more than the household in each. */
  async expectIndexes(question: () => Promise<unknown>, indexes: readonly string[]): Promise<void> {
    const { answer, plans } = await this.plansOf(question);
    expect(answer).toBeDefined();
    const scans = [
      ...plans.matchAll(/(?:Scan(?: Backward)? using|Bitmap Index Scan on) (\w+).*\n\s*Index Cond: (.*)/g),
    ];
    expect([...new Set(scans.map(([, index]) => index))].sort()).toEqual(indexes);
    // The household alone would be all of it.
    for (const [scan] of scans) expect(scan).toMatch(/Cond:.*\b(record_id|seq|from_id|to_id|origin_call|sequence)\b/);
    expect(plans).not.toContain("Seq Scan");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end();
  }
}

function scopeOf(households: readonly HouseholdId[] | "positions-only"): string {
  return households === "positions-only" ? "" : households.join(",");
}
