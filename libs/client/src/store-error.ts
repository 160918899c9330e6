import { DomainError } from "@funkygibbon/kernel/errors";

/** Another process, or another client of this one, has the store open. @param holder its process; undefined: not known. */
export function storeInUse(place: string, holder: number | undefined): DomainError {
  const who = holder === undefined ? "" : ` by process ${holder}`;
  return storeFault("STORE_IN_USE", `the replica ${place} is open already${who}, and one client at a time may use it`);
}

/** No room for what was to be made durable. The replica is as it was before, and may be used on once there is room. */
export function storeFull(place: string, cause: unknown): DomainError {
  const message = `there is no room for the replica ${place}: nothing of the last change was kept, all before it was`;
  return new DomainError("exhausted", message, { reason: "STORE_FULL", cause });
}

/** The store may be read and not written. */
export function storeReadOnly(place: string, cause: unknown): DomainError {
  return storeFault(
    "STORE_READ_ONLY",
    `the replica ${place} cannot be written: it, or its folder, is read-only`,
    cause,
  );
}

/** What is there is no replica, or is damaged. */
export function storeCorrupt(place: string, cause: unknown): DomainError {
  const message =
    `the replica ${place} is damaged or is something else; ` +
    "put it aside and connect again to pull it afresh, without the edits that were never sent";
  return storeFault("STORE_CORRUPT", message, cause);
}

/** A newer release has written the store. @param known the newest format that this release knows. */
export function storeTooNew(place: string, known: number): DomainError {
  const message = `the replica ${place} was written by a newer release; this one knows formats up to ${known}`;
  return storeFault("STORE_TOO_NEW", message);
}

/** An older release has written the store, and there is no way to this one's format. */
export function storeTooOld(place: string): DomainError {
  const message =
    `the replica ${place} was written by an older release, whose format this one does not know; ` +
    "let that release send its edits, then put it aside and connect again to pull it afresh";
  return storeFault("STORE_TOO_OLD", message);
}

/** The place of the store cannot be used, for a reason that the operating system gives. */
export function storeUnusable(place: string, cause: unknown): DomainError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return storeFault("STORE_UNUSABLE", `the replica ${place} cannot be used: ${why}`, cause);
}

function storeFault(reason: string, message: string, cause?: unknown): DomainError {
  return new DomainError("failed-precondition", message, { reason, cause });
}
