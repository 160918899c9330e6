import { readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ServiceUrls } from "@funkygibbon/client/services";
import { DomainError, unavailable } from "@funkygibbon/kernel/errors";
import { makePrivateFolder, writeWhole } from "./private-file.ts";
import { notSetUp, usageError } from "./usage-error.ts";

/** Environment variables as they were found. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How a profile reaches its home. */
export type Profile =
  /** By endpoints.json of a local system, which also renews the tokens in it. */
  | { readonly kind: "endpoints"; readonly file: string; readonly role: LocalRole }
  /** By addresses and a token, or a file in which somebody renews it. */
  | { readonly kind: "urls"; readonly urls: ServiceUrls; readonly token: TokenSource };

/** Whose of the ready-made tokens of a local system is taken. */
export const LOCAL_ROLES = ["owner", "member", "guest"] as const;
export type LocalRole = (typeof LOCAL_ROLES)[number];

/** Where a token comes from. */
export type TokenSource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly file: string };

/** Where a profile leads, read anew at every use. */
export interface Connection {
  readonly urls: ServiceUrls;
  readonly token: string;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const LOGIN_FIRST = "gibbon does not know your home yet: run gibbon login";

/** The file of a profile, in the folder for configuration of this user. @throws DomainError (usage) for a malformed name. */
export function profileFile(environment: Environment, name: string): string {
  return join(folderOf(environment, "XDG_CONFIG_HOME", ".config"), `${checked(name)}.json`);
}

/** The replica of a profile, in the folder for data of this user. @throws DomainError (usage) for a malformed name. */
export function replicaFile(environment: Environment, name: string): string {
  return join(folderOf(environment, "XDG_DATA_HOME", ".local/share"), `${checked(name)}.db`);
}

/** What commands of a profile could take back, beside its replica. */
export function undoFile(environment: Environment, name: string): string {
  return replicaFile(environment, name).replace(/\.db$/, ".undo.json");
}

/** Writes a profile. @throws DomainError saying why it cannot. */
export function writeProfile(file: string, profile: Profile): void {
  makePrivateFolder(file);
  writeWhole(file, `${JSON.stringify(profile, null, 2)}\n`);
}

/** Forgets a profile. @returns whether there was one. */
export function removeProfile(file: string): boolean {
  const present = readIfPresent(file) !== undefined;
  rmSync(file, { force: true });
  return present;
}

/** The profile that applies: the environment's, if it names one, else the file's. @throws DomainError (not set up). */
export function readProfile(environment: Environment, file: string): Profile {
  const fromEnvironment = environmentProfile(environment);
  if (fromEnvironment !== undefined) return fromEnvironment;
  const text = readIfPresent(file);
  if (text === undefined) throw notSetUp(LOGIN_FIRST);
  try {
    const profile: Profile = JSON.parse(text);
    if (isWhole(profile)) return profile;
  } catch {
    // Damaged by hand: the sentence below says what to do.
  }
  throw notSetUp(`the profile ${file} cannot be read: run gibbon login again`);
}

/** Whether all is there that {@link connectionOf} looks at: people edit the file. */
function isWhole(profile: Profile): boolean {
  if (profile.kind === "endpoints") return typeof profile.file === "string" && LOCAL_ROLES.includes(profile.role);
  if (profile.kind !== "urls") return false;
  const { urls, token } = profile;
  const addresses = [urls.syncCoordinator, urls.entityStore, urls.conflictResolution];
  const source = token.kind === "text" ? token.text : token.file;
  return [...addresses, source].every((text) => typeof text === "string");
}

/**
 * Where a profile leads now. @throws DomainError (not set up) with one sentence on what is missing, `unavailable` for a
 * local system that does not run, and `unauthenticated` for a file without a token.
 */
export function connectionOf(profile: Profile): Connection {
  if (profile.kind === "urls") return { urls: profile.urls, token: tokenOf(profile.token) };
  const text = readIfPresent(profile.file);
  if (text === undefined) {
    const message = `there is no ${profile.file}: the local system does not run (npm start), or runs elsewhere`;
    throw unavailable(message, { retryAfterMs: 0 });
  }
  const { entityStore, syncCoordinator, conflictResolution, tokens } = parseEndpoints(profile.file, text);
  const token = tokens[profile.role];
  if (token === undefined) throw notSetUp(`${profile.file} has no token for ${profile.role}`);
  return { urls: { entityStore, syncCoordinator, conflictResolution }, token };
}

/** The profile that the environment names, if any. @throws DomainError (not set up) when it says half of what is needed. */
export function environmentProfile(environment: Environment): Profile | undefined {
  const value = (name: string) => environment[name] || undefined;
  const endpoints = value("FUNKYGIBBON_ENDPOINTS");
  if (endpoints !== undefined) return { kind: "endpoints", file: endpoints, role: "owner" };
  const text = value("FUNKYGIBBON_TOKEN");
  const file = value("FUNKYGIBBON_TOKEN_FILE");
  const token: TokenSource | undefined =
    text !== undefined ? { kind: "text", text } : file !== undefined ? { kind: "file", file } : undefined;
  const names = ["SYNC_COORDINATOR_URL", "ENTITY_STORE_URL", "CONFLICT_RESOLUTION_URL"] as const;
  const [syncCoordinator, entityStore, conflictResolution] = names.map(value);
  if (token === undefined && syncCoordinator === undefined) return undefined;
  if (token === undefined || !syncCoordinator || !entityStore || !conflictResolution) {
    const missing = [
      ...names.filter((name) => value(name) === undefined),
      ...(token === undefined ? ["FUNKYGIBBON_TOKEN"] : []),
    ];
    throw notSetUp(`the environment names a home by half: set ${missing.join(", ")} too, or none of them`);
  }
  return { kind: "urls", urls: { syncCoordinator, entityStore, conflictResolution }, token };
}

interface EndpointsFile extends ServiceUrls {
  readonly tokens: Readonly<Record<string, string | undefined>>;
}

function parseEndpoints(file: string, text: string): EndpointsFile {
  try {
    const value: Partial<EndpointsFile> = JSON.parse(text);
    const { entityStore, syncCoordinator, conflictResolution, tokens } = value;
    if (entityStore && syncCoordinator && conflictResolution && tokens) {
      return { entityStore, syncCoordinator, conflictResolution, tokens };
    }
  } catch {
    // Not JSON: no endpoints either.
  }
  throw notSetUp(`${file} is no endpoints.json of a local system`);
}

function tokenOf(source: TokenSource): string {
  if (source.kind === "text") return source.text;
  const text = readIfPresent(source.file)?.trim();
  if (!text) {
    const message = `there is no token in ${source.file}: run gibbon login again, or renew the file`;
    throw new DomainError("unauthenticated", message, { reason: "NO_TOKEN" });
  }
  return text;
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw notSetUp(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function folderOf(environment: Environment, variable: string, fallback: string): string {
  // The specification of the folders says that a relative path is to be ignored.
  const named = environment[variable];
  const base = named?.startsWith("/") ? named : join(environment.HOME || homedir(), fallback);
  return join(base, "gibbon");
}

function checked(name: string): string {
  if (!NAME.test(name)) throw usageError(`a profile is named by letters, digits, - and _, not ${name}`);
  return name;
}
