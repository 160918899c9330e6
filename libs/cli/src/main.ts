#!/usr/bin/env node
import { nodeFault } from "./node-version.ts";

const fault = nodeFault(process.versions.node);
if (fault !== undefined) {
  process.stderr.write(`${fault}\n`);
  process.exit(7);
}
// An older Node has no such export, and would say so instead of the sentence above.
const { enableCompileCache } = await import("node:module");
// Half of what a short command takes is reading its own code.
enableCompileCache();
const { run } = await import("./run.ts");

const interrupt = new AbortController();
let interrupts = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    interrupts += 1;
    interrupt.abort(new Error("interrupted"));
    // Somebody who insists does not want to wait for good order.
    if (interrupts > 1) process.exit(130);
  });
}
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (gibbon ls | head) is no fault; a full disk is none of ours.
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`gibbon: the output cannot be written: ${error.message}\n`);
  process.exit(4);
});
// Who does not want to hear what is said beside the answer gets the answer all the same.
process.stderr.on("error", () => undefined);

process.exitCode = await run({
  words: process.argv.slice(2),
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupt.signal,
});
