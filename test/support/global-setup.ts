import type { TestProject } from "vitest/node";
import "./ask-broker.ts";
import { startBroker } from "./broker.ts";
import { localInfrastructure } from "./infrastructure.ts";

/** vitest's global setup: one broker for the whole run, and nothing started before a test asks for it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await startBroker(await infrastructure());
  project.provide("infrastructureBroker", broker.url);
  return async () => broker[Symbol.asyncDispose]();
}

async function infrastructure() {
  if (process.env.TEST_INFRA !== "docker") return localInfrastructure(process.env);
  const { containerInfrastructure } = await import("./containers.ts");
  return containerInfrastructure();
}
