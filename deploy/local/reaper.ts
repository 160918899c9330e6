/**
 * Outlives the process that started it by just long enough to stop what that process left running: a runner or a test
 * run that is killed by SIGKILL cannot tidy up itself. Reads one JSON line per change from stdin, each the whole list
 * of processes to look after; when stdin ends, its starter is gone, and the reaper stops them, the last first.
 */
import { createInterface } from "node:readline";
import { type StoppableProcess, stopProcesses } from "./stop-processes.ts";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

let processes: readonly StoppableProcess[] = [];
for await (const line of createInterface({ input: process.stdin })) processes = JSON.parse(line);
await stopProcesses(processes);
