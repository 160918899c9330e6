import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { openServices } from "@funkygibbon/client/services";
import { SqliteStore } from "@funkygibbon/client/sqlite-store";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { CommandSpec } from "../command.ts";
import type { Gibbon } from "../gibbon.ts";
import type { Input } from "../input.ts";
import { counted } from "../present/look.ts";
import {
  connectionOf,
  environmentProfile,
  LOCAL_ROLES,
  type LocalRole,
  type Profile,
  removeProfile,
  writeProfile,
} from "../profile.ts";
import { askSecret } from "../prompts.ts";
import { claimsOf } from "../token-claims.ts";
import { usageError } from "../usage-error.ts";

/** Where npm start writes how its system is reached, from its folder. */
const LOCAL_ENDPOINTS = ".data/endpoints.json";

/** `gibbon login`. */
export const loginCommand: CommandSpec = {
  name: "login",
  summary: "remember how to reach your home",
  details:
    "Either by the endpoints.json of a local system, whose tokens renew themselves, or by the three addresses and a token. " +
    `Without any of these it takes the ${LOCAL_ENDPOINTS} of this folder or of one above it. ` +
    "The token is read from --token-file (read anew at every use), else asked for, else read from the input. " +
    "The profile is kept in $XDG_CONFIG_HOME/gibbon, for you alone; nothing is kept that the server does not take.",
  options: [
    { flags: "--endpoints <file>", help: "endpoints.json of a system that npm start runs" },
    { flags: "--role <role>", help: "whose of its tokens (default owner)", choices: LOCAL_ROLES },
    { flags: "--sync <url>", help: "the sync-coordinator" },
    { flags: "--store <url>", help: "the entity-store" },
    { flags: "--conflicts <url>", help: "conflict-resolution" },
    { flags: "--token-file <file>", help: "a file that holds the token" },
    { flags: "--forget", help: "forget the profile; the replica stays" },
  ],
  examples: [
    { command: "gibbon login", says: "the home that npm start runs here" },
    { command: "gibbon login --endpoints ~/funkygibbon/.data/endpoints.json", says: "one that it runs elsewhere" },
    {
      command:
        "gibbon login --sync https://sync.example.org --store https://store.example.org --conflicts https://conflicts.example.org",
      says: "asks for the token",
    },
  ],
  answers:
    "`profile`, `file`, `user`, `household`, `role`, of a local system `endpoints`; with --forget `profile`, `forgotten`",
  async run(gibbon, input) {
    if (input.flag("forget")) return forget(gibbon);
    if (environmentProfile(gibbon.environment) !== undefined) {
      gibbon.note("the environment names a home, too, and goes before this profile");
    }
    const profile = await profileOf(gibbon, input);
    const connection = connectionOf(profile);
    const services = openServices({ urls: connection.urls, token: () => connection.token });
    const options = { signal: gibbon.signal };
    await Promise.all(
      [
        services.graph.getStatistics({}, options),
        services.sync.listDevices({}, options),
        services.conflicts.listPolicies({}, options),
      ].map(mustBeAnswered),
    );
    const claims = claimsOf(connection.token);
    await mustBeOfThisHome(gibbon, claims?.household);
    writeProfile(gibbon.profileFile, profile);
    const data = {
      profile: gibbon.settings.profile,
      file: gibbon.profileFile,
      user: claims?.user,
      household: claims?.household,
      role: claims?.role,
      endpoints: profile.kind === "endpoints" ? profile.file : undefined,
    };
    return {
      data,
      lines: ({ green, dim, bold }) => [
        `${green("logged in")} as ${bold(data.user ?? "somebody")}, ${data.role ?? "member"} of ${bold(data.household ?? "a home")}`,
        ...(data.endpoints === undefined ? [] : [dim(`by ${data.endpoints}`)]),
        dim(`kept in ${data.file}`),
      ],
    };
  },
};

/** @throws DomainError unless a service takes the token; a home that nobody has written to is not found, and is one. */
async function mustBeAnswered(asked: Promise<unknown>): Promise<void> {
  try {
    await asked;
  } catch (error) {
    if (!(error instanceof DomainError && error.kind === "not-found")) throw error;
  }
}

/** @throws DomainError when the profile's replica is of another home: nothing would sync any more, and edits that wait would be lost from sight. */
async function mustBeOfThisHome({ replicaFile, settings }: Gibbon, household: string | undefined): Promise<void> {
  if (household === undefined || !existsSync(replicaFile)) return;
  await using store = SqliteStore.open(replicaFile);
  const kept = await store.belongings();
  if (kept.household === undefined || kept.household === household) return;
  const waiting = kept.edits === 0 ? "" : `, with ${counted(kept.edits, "edit")} on top`;
  throw new DomainError(
    "failed-precondition",
    `the profile ${settings.profile} has the home ${kept.household} on this machine${waiting}, and this token is for ` +
      `${household}: log in under another profile (--profile NAME), or put ${replicaFile} aside`,
    { reason: "OTHER_HOME" },
  );
}

function forget({ settings, profileFile }: Gibbon) {
  const forgotten = removeProfile(profileFile);
  return {
    data: { profile: settings.profile, forgotten },
    lines: () => [forgotten ? `forgotten ${profileFile}` : `there was no ${profileFile}`],
  };
}

/** @throws DomainError (usage) when something is missing, and nobody can be asked. */
async function profileOf(gibbon: Gibbon, input: Input): Promise<Profile> {
  const addresses = ["sync", "store", "conflicts"];
  const isRemote = [...addresses, "token-file"].some((name) => input.text(name) !== undefined);
  const endpoints = input.text("endpoints");
  if (isRemote && (endpoints ?? input.text("role")) !== undefined) {
    throw usageError("--endpoints and --role are of a local system: leave them out, or addresses and --token-file");
  }
  if (!isRemote) {
    const file = endpoints === undefined ? localEndpoints(process.cwd()) : resolve(endpoints);
    return { kind: "endpoints", file, role: (input.text("role") ?? "owner") as LocalRole };
  }
  const [syncCoordinator, entityStore, conflictResolution] = addresses.map((name) => urlOf(input, name));
  if (!syncCoordinator || !entityStore || !conflictResolution) {
    throw usageError("say all of --sync, --store and --conflicts");
  }
  const urls = { syncCoordinator, entityStore, conflictResolution };
  const file = input.text("token-file");
  if (file !== undefined) return { kind: "urls", urls, token: { kind: "file", file: resolve(file) } };
  const text = gibbon.isInteractive ? await askSecret(gibbon, "Token") : await readInput(gibbon);
  if (claimsOf(text.trim()) === undefined)
    throw usageError("that is no token: a JWT has three parts with dots between");
  return { kind: "urls", urls, token: { kind: "text", text: text.trim() } };
}

/** What npm start has written in this folder or in one above it. @throws DomainError (usage) when it has not. */
function localEndpoints(folder: string): string {
  const file = join(folder, LOCAL_ENDPOINTS);
  if (existsSync(file)) return file;
  const above = dirname(folder);
  if (above !== folder) return localEndpoints(above);
  throw usageError(
    `no local system runs in ${process.cwd()} or above it: say --endpoints FILE, which is ${LOCAL_ENDPOINTS} in the ` +
      "folder of npm start, or all of --sync, --store and --conflicts",
  );
}

function urlOf(input: Input, name: string): string | undefined {
  const text = input.text(name);
  if (text === undefined) return undefined;
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, "");
  throw usageError(`--${name} takes an address such as https://sync.example.org, not ${text}`);
}

async function readInput({ terminal }: Gibbon): Promise<string> {
  let text = "";
  for await (const chunk of terminal.streams.stdin) text += chunk;
  return text;
}
