import type { Gibbon } from "./gibbon.ts";
import type { Input } from "./input.ts";
import type { Look } from "./present/look.ts";

/** What a command answers: data for programs, lines for people. */
export interface Answer {
  /** The `data` of `--json`. Field names are part of the contract (docs/cli.md). */
  readonly data: unknown;
  /** Pure: the same data looks the same. */
  readonly lines: (look: Look) => readonly string[];
  /** Default 0; others stand in the table of exit codes. */
  readonly exitCode?: number;
}

/** An argument by its place: `<room>` must be there, `[room]` may, `<files...>` takes several. */
export interface ArgumentSpec {
  readonly name: string;
  readonly help: string;
}

/** An option: `--watch`, or `--type <type>` with a value. */
export interface OptionSpec {
  readonly flags: string;
  readonly help: string;
  /** May be given several times. */
  readonly repeatable?: true;
  readonly choices?: readonly string[];
}

/** One command. What is said here is its help, its page in docs/cli.md and its completion. */
export interface CommandSpec {
  /** One word, or two for a command of a group: `conflicts settle`. */
  readonly name: string;
  readonly summary: string;
  /** What the summary leaves open. */
  readonly details?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  readonly examples: readonly { readonly command: string; readonly says: string }[];
  /** What the `data` of `--json` is, for docs/cli.md. */
  readonly answers: string;
  /** Does it. Undefined: it has said everything itself. @throws DomainError. */
  run(gibbon: Gibbon, input: Input): Promise<Answer | undefined>;
}
