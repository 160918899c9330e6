import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { describe, expect, it } from "vitest";
import { PastGraph } from "./past-graph.ts";

const LAMP = parseRecordId("01a22977-7f7c-7050-8212-66248997685a");

describe("a question about the past", () => {
  it("ends when nobody waits for the answer any more", async () => {
    await using server = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const patience = new AbortController();
    const past = new PastGraph({ url, token: async () => "good", at: new Date(), signal: patience.signal });
    const asked = past.entity(LAMP);
    await once(server, "connection");
    patience.abort();
    await expect(asked).rejects.toMatchObject({ kind: "cancelled" });
  });

  it("ends also while the app owes the token", async () => {
    const patience = new AbortController();
    const asked = Promise.withResolvers<void>();
    const token = () => {
      asked.resolve();
      return new Promise<string>(() => undefined);
    };
    const past = new PastGraph({ url: "http://127.0.0.1:9", token, at: new Date(), signal: patience.signal });
    const answer = past.entity(LAMP);
    await asked.promise;
    patience.abort();
    await expect(answer).rejects.toMatchObject({ kind: "cancelled" });
  });

  it.each([new Date(Number.NaN), "2026-11-28", 0])("is refused when %j names no time", (no) => {
    const options = { url: "http://127.0.0.1:9", token: async () => "good", at: no as Date };
    expect(() => new PastGraph(options)).toThrow(expect.objectContaining({ kind: "invalid" }));
  });

  it.each([{ text: "lamp" }, { where: () => true }])("is not asked for what it cannot tell: %o", async (options) => {
    const past = new PastGraph({ url: "http://127.0.0.1:9", token: async () => "good", at: new Date() });
    const asked = past.find(options as object);
    await expect(asked).rejects.toMatchObject({ fields: [{ field: Object.keys(options)[0] }] });
  });

  it("is told that the server cannot be reached", async () => {
    const past = new PastGraph({ url: "http://127.0.0.1:9", token: async () => "good", at: new Date() });
    await expect(past.entity(LAMP)).rejects.toMatchObject({ reason: "OFFLINE" });
  });
});
