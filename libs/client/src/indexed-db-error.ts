import { DomainError } from "@funkygibbon/kernel/errors";
import { storeFull, storeTooNew, storeUnusable } from "./store-error.ts";

/** What IndexedDB has thrown, in the terms of the store (https://www.w3.org/TR/IndexedDB/#exceptions). */
export function errorOfIndexedDb(name: string, thrown: unknown, format: number): DomainError {
  if (thrown instanceof DomainError) return thrown;
  const kind = thrown instanceof Error || thrown instanceof DOMException ? thrown.name : "";
  if (kind === "QuotaExceededError") return storeFull(name, thrown);
  if (kind === "VersionError") return storeTooNew(name, format);
  return storeUnusable(name, thrown);
}
