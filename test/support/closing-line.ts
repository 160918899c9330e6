import type { Reporter, TestModule } from "vitest/node";

/** Ends the report with one line for programs: `{"tests":120,"passed":118,"failed":0,"skipped":2,"seconds":41.3}`. */
export default class ClosingLine implements Reporter {
  #startedAt = performance.now();

  onTestRunStart(): void {
    this.#startedAt = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) for (const test of module.children.allTests()) count[test.result().state] += 1;
    // A file that does not even load has no tests that could fail.
    const broken = modules.filter((module) => module.errors().length > 0).length + unhandled.length;
    const { passed, failed, skipped, pending } = count;
    const seconds = Math.round((performance.now() - this.#startedAt) / 100) / 10;
    const tests = passed + failed + skipped + pending;
    process.stdout.write(`${JSON.stringify({ tests, passed, failed: failed + broken, skipped, seconds })}\n`);
  }
}
