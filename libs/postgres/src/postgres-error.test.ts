import { expect, test } from "vitest";
import { isConnectionFailure, sqlState, translateError } from "./postgres-error.ts";

test("a broken pipe is a lost connection, although its code has the form of a SQLSTATE", () => {
  const error = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  expect(sqlState(error)).toBeUndefined();
  expect(isConnectionFailure(error)).toBe(true);
  expect(translateError(error).kind).toBe("unavailable");
});

test.each([
  ["25006", "cannot execute UPDATE in a read-only transaction"],
  ["55000", "recovery is in progress"],
])("a replica that has not been promoted yet is away for a while: %s", (code, message) => {
  expect(translateError(Object.assign(new Error(message), { code }))).toMatchObject({ kind: "unavailable" });
});
