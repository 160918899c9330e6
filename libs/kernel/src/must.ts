import { internal } from "./errors.ts";

/** Returns `value`, which an invariant says is there; throws an internal error naming that invariant when it is not. */
export function must<T>(value: T | undefined | null, why: string): T {
  if (value === undefined || value === null) throw internal(`broken invariant: ${why}`);
  return value;
}

/** Marks the branch of a switch that the type system proves unreachable. */
export function assertNever(value: never, what: string): never {
  throw internal(`unexpected ${what}: ${String(value)}`);
}
