import { inject } from "vitest";
import type { BrokerAnswers } from "./broker.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where the run's broker listens; see broker.ts. */
    infrastructureBroker: string;
  }
}

/** Asks the test run for a part of its infrastructure; the first question of a kind waits for the server to start. */
export async function askBroker<Wanted extends keyof BrokerAnswers>(
  wanted: Wanted,
  request: { readonly directory?: string } = {},
): Promise<BrokerAnswers[Wanted]> {
  const response = await fetch(`${inject("infrastructureBroker")}/${wanted}`, {
    method: "POST",
    body: JSON.stringify(request),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`no ${wanted} for this test: ${answer.message}`);
  return answer;
}
