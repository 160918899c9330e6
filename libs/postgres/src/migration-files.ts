import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { internal } from "@funkygibbon/kernel/errors";

/** One step of the schema, as it stands in the code. */
export interface Migration {
  /** 1, 2, 3 … without gaps. */
  readonly version: number;
  /** The file's name: `0001-households.sql`. */
  readonly file: string;
  readonly sql: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly checksum: string;
}

const FILE = /^(\d{4})-[a-z0-9-]+\.sql$/;

/** Reads the migrations of a folder in order. @throws DomainError `internal` when a name is malformed or a number missing or doubled. */
export function readMigrations(directory: string): Migration[] {
  const files = readdirSync(directory)
    .filter((file) => file.endsWith(".sql"))
    .sort();
  return files.map((file, index) => {
    const version = Number(FILE.exec(file)?.[1]);
    if (version !== index + 1) {
      throw internal(`migration ${file} must be named ${String(index + 1).padStart(4, "0")}-some-words.sql`);
    }
    const sql = readFileSync(join(directory, file), "utf8");
    return { version, file, sql, checksum: createHash("sha256").update(sql).digest("hex") };
  });
}
