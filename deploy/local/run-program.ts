import { spawn } from "node:child_process";
import { SetupError } from "./setup-error.ts";

/** Options of {@link runProgram}. */
export interface RunOptions {
  readonly cwd: string;
  /** Run as this user; only root can. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** What it reads from its standard input. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a program to its end and returns what it printed. @throws SetupError with its last line when it fails. */
export function runProgram(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, ...options.user });
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
    });
    child.stderr.on("data", (data) => {
      printed += data;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    child.once("error", (error) => reject(new SetupError(`${command} cannot be run: ${error.message}`)));
    child.once("close", (code) => {
      if (code === 0) return resolve(printed);
      const lines = printed.trim().split("\n");
      const telling = lines.findLast((line) => /fatal|error/i.test(line)) ?? lines.at(-1) ?? "";
      reject(new SetupError(`${command} failed with exit code ${code}: ${telling.trim()}`));
    });
  });
}
