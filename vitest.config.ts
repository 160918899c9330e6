import { defineConfig } from "vitest/config";
import LongFirst from "./test/support/long-first.ts";

/**
 * The suffix of a test file says what it needs: `.test.ts` nothing, `.pg.test.ts`, `.redis.test.ts` and `.nats.test.ts`
 * that server, everything in test/ whatever it takes. Servers are started when the first test asks for them
 * (test/support/global-setup.ts), so `npm test libs/kernel` starts none.
 */
export default defineConfig({
  test: {
    include: ["libs/**/*.test.ts", "services/**/*.test.ts", "test/**/*.test.ts", "deploy/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Files share a process, one after another: to start one for each takes 0.7 s of CPU.
    isolate: false,
    sequence: { sequencer: LongFirst },
    testTimeout: 60_000,
    // The first test of a run may wait for a server to be installed and started.
    hookTimeout: 120_000,
    // Tests wait for what happens and not for a time; machines that run tests stall now and then.
    expect: { poll: { timeout: 20_000, interval: 10 } },
    teardownTimeout: 30_000,
    reporters: ["default", "./test/support/closing-line.ts"],
  },
});
