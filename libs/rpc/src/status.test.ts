import { ErrorInfoSchema } from "@funkygibbon/gen/google/rpc/error_details_pb";
import { DomainError, type ErrorKind, invalid } from "@funkygibbon/kernel/errors";
import { describe, expect, it } from "vitest";
import {
  codeName,
  codeOf,
  fromGrpcStatus,
  INTERNAL_TEXT,
  toConnectError,
  toDomainError,
  toGrpcStatus,
} from "./status.ts";

const CODES: Readonly<Record<ErrorKind, string>> = {
  invalid: "INVALID_ARGUMENT",
  "not-found": "NOT_FOUND",
  "already-exists": "ALREADY_EXISTS",
  "permission-denied": "PERMISSION_DENIED",
  unauthenticated: "UNAUTHENTICATED",
  stale: "ABORTED",
  "failed-precondition": "FAILED_PRECONDITION",
  unimplemented: "UNIMPLEMENTED",
  exhausted: "RESOURCE_EXHAUSTED",
  unavailable: "UNAVAILABLE",
  "deadline-exceeded": "DEADLINE_EXCEEDED",
  cancelled: "CANCELLED",
  internal: "INTERNAL",
};

const kinds = Object.keys(CODES) as ErrorKind[];

function errorOf(kind: ErrorKind): DomainError {
  return new DomainError(kind, "what happened", {
    reason: kind === "internal" ? "INTERNAL" : "SOME_REASON",
    fields: kind === "invalid" ? [{ field: "a.b", description: "is wrong" }] : [],
    details: kind === "internal" ? {} : { etag: "v2" },
    ...(kind === "unavailable" ? { retryAfterMs: 1_250 } : {}),
  });
}

describe("status mapping", () => {
  it.each(kinds)("gives %s its code", (kind) => {
    expect(codeName(codeOf(errorOf(kind)))).toBe(CODES[kind]);
  });

  it.each(kinds)("carries %s over gRPC and back", (kind) => {
    const error = errorOf(kind);
    const back = fromGrpcStatus(toGrpcStatus(error));
    expect({ ...back, message: back.message }).toEqual({
      ...error,
      message: kind === "internal" ? INTERNAL_TEXT : "what happened",
    });
  });

  it("carries the same code and details over Connect", () => {
    const error = toConnectError(errorOf("not-found"));
    expect(codeName(error.code)).toBe("NOT_FOUND");
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "SOME_REASON", domain: "funkygibbon.dev", metadata: { etag: "v2" } },
    ]);
  });

  it("keeps text and details of internal errors at home", () => {
    const error = new DomainError("internal", "password hunter2", {
      reason: "SECRET_PLACE",
      details: { key: "hunter2" },
    });
    const { message, details } = toGrpcStatus(error);
    expect(message).toBe(INTERNAL_TEXT);
    expect(Buffer.from(details).toString("latin1")).not.toMatch(/hunter2|SECRET_PLACE/);
    expect(JSON.stringify(toConnectError(error).findDetails(ErrorInfoSchema))).not.toContain("hunter2");
  });

  it.each([
    [
      "a thousand faults",
      Array.from({ length: 1_000 }, (_, index) => ({ field: `f${index}`, description: "is wrong" })),
    ],
    ["a fault as long as a body", [{ field: "f0".repeat(30_000), description: "🐒".repeat(30_000) }]],
  ])("tells of %s in trailers that every client takes", (_what, fields) => {
    const status = toGrpcStatus(invalid(fields));
    // A percent-encoded message and details in base64; clients take 8 KiB.
    expect(encodeURIComponent(status.message).length + (status.details.length * 4) / 3).toBeLessThan(7_000);
    expect(status.message).toMatch(/^f0.*…$/s);
    const back = fromGrpcStatus(status);
    expect(back.fields[0]?.field).toMatch(/^f0/);
    expect(back.fields[0]?.description.isWellFormed()).toBe(true);
    if (fields.length > 1) {
      const told = back.fields.length - 1;
      expect(back.fields.slice(0, told)).toEqual(fields.slice(0, told));
      expect(back.fields.at(-1)).toEqual({ field: "", description: `and ${fields.length - told} more` });
    }
  });

  it("makes anything else that is thrown an internal error with its cause", () => {
    const cause = new TypeError("x is undefined");
    expect(toDomainError(cause)).toMatchObject({ kind: "internal", cause });
    expect(toDomainError("a string")).toMatchObject({ kind: "internal", cause: "a string" });
  });

  it("understands a status without details, with damaged ones, and with a code that we never send", () => {
    expect(fromGrpcStatus({ code: 14, message: "gone" })).toMatchObject({ kind: "unavailable", reason: "UNAVAILABLE" });
    expect(fromGrpcStatus({ code: 5, message: "?", details: Uint8Array.of(255, 255) }).kind).toBe("not-found");
    expect(fromGrpcStatus({ code: 2, message: "?" })).toMatchObject({ kind: "internal", reason: "INTERNAL" });
  });
});
