import type { Reporter, TestModule } from "vitest/node";

/** Ends the report with one line for programs: `118 passed, 0 failed, 2 skipped`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) for (const test of module.children.allTests()) count[test.result().state] += 1;
    // A file that does not even load has no tests that could fail.
    const broken = modules.filter((module) => module.errors().length > 0).length + unhandled.length;
    const { passed, failed, skipped, pending } = count;
    process.stdout.write(`${passed} passed, ${failed + broken} failed, ${skipped + pending} skipped\n`);
  }
}
