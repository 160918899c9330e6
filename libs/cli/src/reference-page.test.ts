import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COMMANDS } from "./commands.ts";
import { readCall } from "./program.ts";
import { referencePage } from "./reference-page.ts";
import { completionScript, SHELLS, type Shell } from "./shell/completion-script.ts";

describe("docs/cli.md", () => {
  it("is what npm run docs:cli writes", () => {
    expect(readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8")).toBe(referencePage());
  });
});

/** How each shell is asked what may follow these words, the last of which is not whole yet. */
const ASK: Readonly<Record<Shell, (words: readonly string[]) => string>> = {
  bash: (words) => `COMP_WORDS=(${words.join(" ")}); COMP_CWORD=${words.length - 1}; _gibbon; echo "\${COMPREPLY[*]}"`,
  zsh: (words) => `compadd() { print -r -- "$@" }; words=(${words.join(" ")}); CURRENT=${words.length}; _gibbon`,
  fish: (words) => `complete -C '${words.join(" ")}' | string replace -r '\\t.*' ''; true`,
};

describe.each(SHELLS.filter(isInstalled))("the completion of %s", (shell) => {
  const following = (words: readonly string[]) => {
    const script = `${completionScript(shell, COMMANDS)}\n${ASK[shell](words)}`;
    const args = shell === "zsh" ? ["-f", "-c", script] : ["-c", script];
    return execFileSync(shell, args, { encoding: "utf8" }).trim().split(/\s+/);
  };

  it.each([
    [["gibbon", "his"], "history"],
    [["gibbon", "--o"], "--offline"],
    [["gibbon", "--profile", "work", "his"], "history"],
    [["gibbon", "conflicts", "s"], "settle"],
    [["gibbon", "conflicts", "settle", "--ta"], "--take"],
    [["gibbon", "conflicts", "settle", "--take", "lo"], "local"],
    [["gibbon", "import", "--dr"], "--dry-run"],
    [["gibbon", "--json", "link", "a", "docu"], "documented_by"],
    [["gibbon", "create", "roo"], "room"],
  ])("goes on from %j", (words, expected) => {
    expect(following(words)).toContain(expected);
  });

  it.each([
    [["gibbon", "conflicts", "settle", "l"], "list"],
    [["gibbon", "link", "show", "--"], "--at"],
  ])("takes no word of %j for another command's", (words, unwanted) => {
    expect(following(words)).not.toContain(unwanted);
  });
});

describe("the completion of fish", () => {
  it("says of each line after which words it applies", () => {
    const paths = new Set(["", "conflicts", ...COMMANDS.map(({ name }) => name)]);
    const [, all, ...lines] = completionScript("fish", COMMANDS)
      .trim()
      .split(/^(?=complete )/m);
    expect(all).toBe("complete -c gibbon -f\n");
    for (const line of lines)
      expect(paths).toContain(/^complete -c gibbon -n '__gibbon_at ?([\w ]*)' /.exec(line)?.[1]);
  });
});

describe("the completion of zsh", () => {
  it("begins as a file of fpath does, and brings the completion system where nobody has", () => {
    const script = completionScript("zsh", COMMANDS);
    expect(script).toMatch(/^#compdef gibbon\n/);
    expect(script).toContain("(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }");
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

function isInstalled(shell: Shell): boolean {
  return spawnSync(shell, ["-c", "exit 0"]).status === 0;
}
