import { expect, it } from "vitest";
import { helloIn, parseHello, sessionIdFor } from "./session-id.ts";

const UUID = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";

const carried = (clientName: string, capabilities: object = {}) => {
  const hello = parseHello({ clientName, capabilities });
  if (hello === undefined) throw new Error("not a hello");
  const id = sessionIdFor(hello, UUID);
  expect(id).toMatch(/^[\x21-\x7e]+$/);
  return helloIn(id);
};

it("carries the client's name, whatever its characters, in visible ASCII", () => {
  expect(carried("Grüße 🏠\u0000 Assistant")).toEqual({ clientName: "Grüße 🏠 Assistant", capabilities: {} });
});

it("carries a name of any length shortened", () => {
  expect(carried("名".repeat(1_000))?.clientName).toBe("名".repeat(64));
});

it("carries what the client can be asked for, and nothing else that it said", () => {
  const capabilities = { elicitation: { form: { applyDefaults: true } }, sampling: {}, experimental: { x: {} } };
  expect(carried("A", capabilities)?.capabilities).toEqual({ elicitation: { form: {} }, sampling: {} });
  expect(carried("A", { elicitation: {} })?.capabilities).toEqual({ elicitation: {} });
});

it.each([
  ["none", null],
  ["another server's", "something-else"],
  ["no JSON", `${UUID}.bm9wZQ`],
  ["JSON of another form", `${UUID}.${Buffer.from('{"clientName":7}').toString("base64url")}`],
])("finds nothing in what is no session id of ours: %s", (_case, id) => {
  expect(helloIn(id)).toBeUndefined();
});
