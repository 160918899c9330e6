import { writeFileSync } from "node:fs";
import { referencePage } from "./reference-page.ts";

/** `npm run docs:cli`. */
writeFileSync(new URL("../../../docs/cli.md", import.meta.url), referencePage());
