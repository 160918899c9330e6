import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']/g;

/** Every specifier that a file of ours imports at run time, through all files of ours. */
function everythingImportedBy(entry: URL): ReadonlySet<string> {
  const seen = new Set<string>();
  const visit = (file: URL): void => {
    if (seen.has(file.href)) return;
    seen.add(file.href);
    for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      if (specifier.startsWith(".")) visit(new URL(specifier, file));
      else if (specifier.startsWith("@funkygibbon/")) visit(new URL(import.meta.resolve(specifier)));
      else seen.add(specifier);
    }
  };
  visit(entry);
  return seen;
}

describe("what a browser loads", () => {
  it.each(["client.ts", "browser-client.ts", "import/homekit.ts", "import/import-plan.ts", "server-position.ts"])(
    "%s brings nothing that only Node has",
    (file) => {
      const foreign = [...everythingImportedBy(new URL(file, import.meta.url))].filter(
        (name) => !name.startsWith("file:"),
      );
      expect(foreign.filter((name) => name.startsWith("node:") || name.startsWith("@grpc/"))).toEqual([]);
    },
  );
});
