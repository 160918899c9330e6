import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "./commands.ts";
import { helpOf } from "./program.ts";
import { referencePage } from "./reference-page.ts";
import { completionScript, SHELLS } from "./shell/completion-script.ts";

describe("docs/cli.md", () => {
  it("is what npm run docs:cli writes", () => {
    expect(readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8")).toBe(referencePage());
  });
});

describe.each(COMMANDS.map((command) => [command.name, command] as const))(
  "gibbon %s",
  (name, { examples, options = [] }) => {
    it("has a help with examples that begin as they are typed", () => {
      const help = helpOf(name);
      expect(help).toContain(`Usage: gibbon ${name}`);
      expect(examples.length).toBeGreaterThan(0);
      for (const { command } of examples) expect(command).toContain(`gibbon ${name}`);
    });

    it.each(SHELLS)("is completed in %s with each of its options", (shell) => {
      const script = completionScript(shell, COMMANDS);
      for (const flag of options.flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? [])) {
        expect(script).toContain(shell === "fish" ? `-l ${flag.slice(2)}` : flag);
      }
    });
  },
);
