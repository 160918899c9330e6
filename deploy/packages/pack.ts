// Packs the client, the importers, gibbon and the libraries they stand on as npm packages of plain JavaScript with types:
//
//   npm run pack -- DIR          (default: packages)
//
// Sources import each other's TypeScript and need no build; only who works elsewhere needs these.
import { resolve } from "node:path";
import { packLibraries } from "./pack-libraries.ts";

const folder = resolve(process.argv[2] ?? "packages");
for (const tarball of await packLibraries(folder)) console.log(tarball);
