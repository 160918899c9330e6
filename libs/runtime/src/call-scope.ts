import { AsyncLocalStorage } from "node:async_hooks";
import type { Context } from "@opentelemetry/api";

/** What belongs to the call being worked on and travels with calls that it makes. */
export interface CallScope {
  readonly requestId: string;
  /** The span that new spans and outgoing calls descend from. */
  readonly trace: Context;
}

/** Follows the asynchronous flow of one call, so that two systems in one process never see each other's. */
const scopes = new AsyncLocalStorage<CallScope>();

/** The call being worked on; undefined outside any. */
export function currentCallScope(): CallScope | undefined {
  return scopes.getStore();
}

/** Runs `work` as part of this call. */
export function withCallScope<T>(scope: CallScope, work: () => T): T {
  return scopes.run(scope, work);
}
