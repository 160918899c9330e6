import type { CommandSpec } from "../command.ts";
import { completionScript, SHELLS, type Shell } from "../shell/completion-script.ts";

/** `gibbon completion`; it completes the commands that it is given. */
export function completionCommand(others: readonly CommandSpec[]): CommandSpec {
  const command: CommandSpec = {
    name: "completion",
    summary: "print a script that completes gibbon in your shell",
    arguments: [{ name: "<shell>", help: SHELLS.join(", ") }],
    examples: [
      { command: 'eval "$(gibbon completion bash)"', says: "in ~/.bashrc; for zsh in ~/.zshrc" },
      { command: "gibbon completion fish > ~/.config/fish/completions/gibbon.fish", says: "for fish" },
    ],
    answers: "`script`",
    async run(_gibbon, input) {
      const script = completionScript(input.argument(0) as Shell, [...others, command]);
      return { data: { script }, lines: () => [script.trimEnd()] };
    },
  };
  return command;
}
