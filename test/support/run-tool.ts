import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a program ended. */
export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The repository's root. */
export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program, by default at the repository's root, and waits for its end; killed after 90 s. @throws when it cannot be started at all. */
export function runTool(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
  cwd = REPOSITORY,
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...environment }, timeout: 90_000 };
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code === "string") reject(error);
      else resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
  });
}
