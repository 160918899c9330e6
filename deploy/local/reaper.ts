/**
 * Outlives the process that started it by just long enough to tidy up after it: a runner or a test run that is killed
 * by SIGKILL cannot do so itself. Reads one JSON line per change from stdin, each a whole {@link Estate}; when stdin
 * ends, its starter is gone, and the reaper stops the processes, the last first, and removes the temporary folder.
 */
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Estate } from "./process-group.ts";
import { stopProcesses } from "./stop-processes.ts";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

let estate: Estate = { processes: [] };
for await (const line of createInterface({ input: process.stdin })) estate = JSON.parse(line);
await stopProcesses(estate.processes);
if (estate.temporaryFolder !== undefined) rmSync(estate.temporaryFolder, { recursive: true, force: true });
