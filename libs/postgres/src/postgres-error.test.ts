import { expect, test } from "vitest";
import { isConnectionFailure, sqlState, translateError } from "./postgres-error.ts";

test("a broken pipe is a lost connection, although its code has the form of a SQLSTATE", () => {
  const error = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  expect(sqlState(error)).toBeUndefined();
  expect(isConnectionFailure(error)).toBe(true);
  expect(translateError(error).kind).toBe("unavailable");
});
