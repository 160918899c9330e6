import { DomainError } from "@funkygibbon/kernel/errors";

/** Undefined for what is not there, or belongs to somebody else. */
export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof DomainError && error.kind === "not-found") return undefined;
    throw error;
  }
}
