import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openIssuer } from "./issuer.ts";
import { writePrivateFile } from "./private-file.ts";
import { openSecrets } from "./secrets.ts";
import { messageOf } from "./setup-error.ts";

const HELP = `Usage: npm run credentials -- DIR

Makes what a local system in containers needs to believe its callers, and writes it into DIR:
  jwks.json           the public key of the local issuer (AUTH_LOCAL_JWKS_FILE)
  <service>.jwt       the credential of each service (SERVICE_TOKEN_FILE), valid for 30 days
  secrets.env         TOKEN_SECRET and ACTOR_SECRET, for node --env-file
  owner.jwt           a user's token of household "home", valid for 12 hours
Keys and secrets that are there already are kept; tokens are made anew. Never for production.
`;

/** The services that hold a credential of their own. */
const SERVICES = ["entity-store", "sync-coordinator", "conflict-resolution", "mcp-gateway"] as const;
const SERVICE_TOKEN_TTL_SECONDS = 30 * 24 * 60 * 60;

/** Writes the credentials of a local system in containers into `folder`. */
export async function writeCredentials(folder: string): Promise<void> {
  const issuer = await openIssuer(folder);
  const secrets = openSecrets(folder);
  const write = (name: string, content: string) => writePrivateFile(join(folder, name), content);
  write("jwks.json", await readFile(issuer.jwksFile, "utf8"));
  write("secrets.env", `TOKEN_SECRET=${secrets.tokenSecret}\nACTOR_SECRET=${secrets.actorSecret}\n`);
  for (const service of SERVICES) {
    write(`${service}.jwt`, await issuer.mintServiceToken(service, SERVICE_TOKEN_TTL_SECONDS));
  }
  write("owner.jwt", await issuer.mintToken({ user: "owner", household: "home", role: "owner" }));
}

if (import.meta.main) {
  const [folder, ...rest] = process.argv.slice(2);
  if (folder === "--help" || folder === "-h") {
    process.stdout.write(HELP);
  } else if (folder === undefined || folder.startsWith("-") || rest.length > 0) {
    process.stderr.write(`npm run credentials takes exactly one folder.\n\n${HELP}`);
    process.exitCode = 1;
  } else {
    try {
      await writeCredentials(resolve(folder));
      process.stdout.write(`Wrote the credentials of a local system into ${resolve(folder)}.\n`);
    } catch (error) {
      process.stderr.write(`${messageOf(error)}\n`);
      process.exitCode = 1;
    }
  }
}
