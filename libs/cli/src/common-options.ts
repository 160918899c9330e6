import type { OptionSpec } from "./command.ts";

/** The options that every command has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { flags: "--json", help: "answer for programs: one JSON document" },
  { flags: "--offline", help: "ask nobody: work with what is on this machine" },
  { flags: "--profile <name>", help: "another home or another person (default $GIBBON_PROFILE, else default)" },
  { flags: "--no-color", help: "no colours; NO_COLOR does the same" },
];
