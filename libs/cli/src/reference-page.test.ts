import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "./commands.ts";
import { readCall } from "./program.ts";
import { referencePage } from "./reference-page.ts";
import { completionScript, SHELLS } from "./shell/completion-script.ts";

describe("docs/cli.md", () => {
  it("is what npm run docs:cli writes", () => {
    expect(readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8")).toBe(referencePage());
  });
});

describe("the completion of bash", () => {
  it.each([
    [["gibbon", "his"], "history"],
    [["gibbon", "conflicts", "s"], "settle"],
    [["gibbon", "conflicts", "settle", "--ta"], "--take"],
    [["gibbon", "import", "--dr"], "--dry-run"],
    [["gibbon", "--json", "link", "a", "docu"], "documented_by"],
  ])("goes on from %j", (words, expected) => {
    const line = `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _gibbon; echo "\${COMPREPLY[*]}"`;
    const said = execFileSync("bash", ["-c", `${completionScript("bash", COMMANDS)}\n${line}`], { encoding: "utf8" });
    expect(said.trim().split(" ")).toContain(expected);
  });
});

describe.each(COMMANDS.map((command) => [command.name, command] as const))(
  "gibbon %s",
  (name, { examples, options = [] }) => {
    it("has a help with examples that begin as they are typed", () => {
      let help = "";
      const add = (text: string) => {
        help += text;
      };
      expect(readCall([...name.split(" "), "--help"], { out: add, error: add })).toMatchObject({ exitCode: 0 });
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
