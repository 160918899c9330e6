import { readdirSync, readFileSync } from "node:fs";

/**
 * Who tries the statements of which files in the name of another household: `commits` commit-isolation.pg.test.ts, `reads`
 * isolation.pg.test.ts, `relay` row-security.pg.test.ts. Every file with a statement is in one of them.
 */
export const STATEMENT_FILES = {
  commits: [
    "commit-transaction.ts",
    "postgres-device-registry.ts",
    "postgres-household-founding.ts",
    "postgres-log-reads.ts",
    "read-group-facts.ts",
    "read-rare-facts.ts",
    "write-commits.ts",
  ],
  reads: [
    "graph-as-of.ts",
    "graph-difference.ts",
    "graph-now.ts",
    "postgres-activity.ts",
    "postgres-conflicts.ts",
    "postgres-graph.ts",
    "postgres-history.ts",
    "postgres-households.ts",
    "postgres-policies.ts",
    "postgres-search.ts",
    "read-decisions.ts",
    "search-projection.ts",
  ],
  relay: ["relay-positions.ts", "search-projector.ts"],
} as const;

const ADAPTERS = new URL("../src/adapters/", import.meta.url);
const DECLARATION = /\bname: ["`]([a-z_]+\.[a-z_]+(?:\$\{index\})?)["`]/g;

/** The names of the statements that files of src/adapters declare; a name with a variable ending by its beginning. */
export function declaredStatements(files: readonly string[]): string[] {
  return files
    .flatMap((file) => [...readFileSync(new URL(file, ADAPTERS), "utf8").matchAll(DECLARATION)])
    .map(([, name = ""]) => name)
    .sort();
}

/** The files of src/adapters that declare statements. */
export function filesWithStatements(): string[] {
  return readdirSync(ADAPTERS)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .filter((file) => declaredStatements([file]).length > 0)
    .sort();
}
