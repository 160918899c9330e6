import { DomainError } from "@funkygibbon/kernel/errors";
import { storeCorrupt, storeFull, storeInUse, storeReadOnly, storeUnusable } from "./store-error.ts";
import { holderOf } from "./store-holder.ts";

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html); extended ones carry them in their low byte. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;

/** What SQLite, or the reading of its rows, has thrown, in the terms of the store. */
export function errorOfSqlite(file: string, thrown: unknown): DomainError {
  if (thrown instanceof DomainError && thrown.reason.startsWith("STORE_")) return thrown;
  const code = resultCodeOf(thrown);
  switch (code) {
    case BUSY:
    case LOCKED:
      return storeInUse(file, holderOf(file));
    case READONLY:
      return storeReadOnly(file, thrown);
    case CORRUPT:
    case NOTADB:
      return storeCorrupt(file, thrown);
    case FULL:
      return storeFull(file, thrown);
    case undefined:
      return errorOfSystem(file, thrown) ?? storeCorrupt(file, thrown);
    default:
      return storeUnusable(file, thrown);
  }
}

function resultCodeOf(thrown: unknown): number | undefined {
  const isSqlite = thrown instanceof Error && "errcode" in thrown && typeof thrown.errcode === "number";
  return isSqlite ? (thrown.errcode as number) & 0xff : undefined;
}

/** Undefined: it is no error of the operating system. */
function errorOfSystem(file: string, thrown: unknown): DomainError | undefined {
  if (!(thrown instanceof Error && "code" in thrown && "syscall" in thrown)) return undefined;
  switch (thrown.code) {
    case "EROFS":
    case "EACCES":
    case "EPERM":
      return storeReadOnly(file, thrown);
    case "ENOSPC":
    case "EDQUOT":
      return storeFull(file, thrown);
    default:
      return storeUnusable(file, thrown);
  }
}
