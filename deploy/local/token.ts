/** Prints a token for a local system: `npm run token -- --role member`. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { HOME_HOUSEHOLD } from "./endpoints.ts";
import { openIssuer, type TokenClaims } from "./issuer.ts";
import { messageOf, SetupError } from "./setup-error.ts";

const HELP = `Usage: npm run token -- [options]

Prints a token that the local system accepts, good for twelve hours.

  --role ROLE      owner, member or guest (default owner)
  --household H    default ${HOME_HOUSEHOLD}
  --user U         default: named like the role
  --device D       binds the token to one device
  --data DIR       the data folder of the system (default .data)
  --help           this text
`;

try {
  process.stdout.write(await main(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}

async function main(args: readonly string[]): Promise<string> {
  const options = parse(args);
  if (options.help === true) return HELP;
  const folder =
    options.data === undefined ? fileURLToPath(new URL("../../.data", import.meta.url)) : resolve(options.data);
  if (!existsSync(join(folder, "keys")))
    throw new SetupError(`There is no system in ${folder} yet: npm start makes one.`);
  const role = parseRole(options.role ?? "owner");
  const issuer = await openIssuer(folder);
  const household = options.household ?? HOME_HOUSEHOLD;
  return `${await issuer.mintToken({ role, household, user: options.user ?? role, deviceId: options.device })}\n`;
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        role: text,
        household: text,
        user: text,
        device: text,
        data: text,
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    const [sentence] = messageOf(error).split(/\. /);
    throw new SetupError(`${sentence}: npm run token -- --help lists the options.`);
  }
}

function parseRole(text: string): TokenClaims["role"] {
  if (text === "owner" || text === "member" || text === "guest") return text;
  throw new SetupError(`--role takes owner, member or guest, not ${text}.`);
}
