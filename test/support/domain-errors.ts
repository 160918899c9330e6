import { DomainError } from "@funkygibbon/kernel/errors";

/** What a call fails with, as our own client decodes it. @throws Error when it does not fail. */
export async function domainErrorOf(work: Promise<unknown>): Promise<DomainError> {
  const error = await work.then(
    () => new Error("expected the call to fail"),
    (reason: unknown) => reason,
  );
  if (error instanceof DomainError) return error;
  throw error;
}
