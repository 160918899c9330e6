import { DomainError } from "@funkygibbon/kernel/errors";

/** Undefined for what is not there, or belongs to somebody else. */
export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whether what was asked for is not there, or belongs to somebody else. */
export function isNotFound(error: unknown): boolean {
  return error instanceof DomainError && error.kind === "not-found";
}
