import { expect, it } from "vitest";
import { clientNameIn, sessionIdFor } from "./session-id.ts";

const UUID = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";

it("carries the client's name, whatever its characters, in visible ASCII", () => {
  const id = sessionIdFor("Grüße 🏠\u0000 Assistant", UUID);
  expect(id).toMatch(/^[\x21-\x7e]+$/);
  expect(clientNameIn(id)).toBe("Grüße 🏠 Assistant");
});

it("carries a name of any length shortened", () => {
  expect(clientNameIn(sessionIdFor("名".repeat(1_000), UUID))).toBe("名".repeat(64));
});

it("finds no name in what is no session id of ours", () => {
  expect(clientNameIn(null)).toBeUndefined();
  expect(clientNameIn("something-else")).toBeUndefined();
});
