import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readFileIfPresent, writePrivateFile } from "./private-file.ts";
import { SetupError } from "./setup-error.ts";

/** What the parts of one local system share and nobody else may know; 32 random bytes each, as hexadecimal text. */
export interface LocalSecrets {
  /** Authenticates the actors that the gateway vouches for (`ACTOR_SECRET`). */
  readonly actorSecret: string;
  /** Authenticates cursors and page tokens (`TOKEN_SECRET`); has to stay the same, or every device pulls anew. */
  readonly tokenSecret: string;
  /** The password of the local PostgreSQL's superuser. */
  readonly databasePassword: string;
}

const NAMES = ["actorSecret", "tokenSecret", "databasePassword"] as const;

/** Reads the secrets of a data folder, or draws them on the first start. @throws SetupError when the file is damaged. */
export function openSecrets(dataFolder: string): LocalSecrets {
  const path = join(dataFolder, "keys", "secrets.json");
  const text = readFileIfPresent(path);
  if (text === undefined) return drawSecrets(path);
  const [actorSecret, tokenSecret, databasePassword] = NAMES.map((name) => parseSecrets(text)[name]);
  if (actorSecret === undefined || tokenSecret === undefined || databasePassword === undefined) {
    throw new SetupError(`The file ${path} is damaged: restore it, or start with another --data.`);
  }
  return { actorSecret, tokenSecret, databasePassword };
}

function drawSecrets(path: string): LocalSecrets {
  const draw = () => randomBytes(32).toString("hex");
  const secrets = { actorSecret: draw(), tokenSecret: draw(), databasePassword: draw() };
  writePrivateFile(path, `${JSON.stringify(secrets, null, 2)}\n`);
  return secrets;
}

function parseSecrets(text: string): Partial<Record<string, string>> {
  try {
    const value: unknown = JSON.parse(text);
    const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
    return Object.fromEntries(entries.filter(([, secret]) => typeof secret === "string" && secret.length >= 32));
  } catch {
    return {};
  }
}
