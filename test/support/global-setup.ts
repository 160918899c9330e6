import { rmSync } from "node:fs";
import type { TestProject } from "vitest/node";
import "./ask-broker.ts";
import { startBroker } from "./broker.ts";
import { localInfrastructure } from "./infrastructure.ts";
import { makeMemoryFolder } from "./memory-folder.ts";

/**
 * vitest's global setup: one broker for the whole run, and nothing started before a test asks for it. Temporary files
 * of all tests go to memory where that can be, unless somebody says TMPDIR.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = process.env.TMPDIR ? undefined : makeMemoryFolder();
  if (folder !== undefined) process.env.TMPDIR = folder;
  const broker = await startBroker(await infrastructure());
  project.provide("infrastructureBroker", broker.url);
  return async () => {
    await broker[Symbol.asyncDispose]();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
}

async function infrastructure() {
  if (process.env.TEST_INFRA !== "docker") return localInfrastructure(process.env);
  const { containerInfrastructure } = await import("./containers.ts");
  return containerInfrastructure();
}
