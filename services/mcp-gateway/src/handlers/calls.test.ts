import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EndpointUnderTest, REVISIONS, startEndpoint } from "../testing/endpoint-under-test.ts";

let endpoint: EndpointUnderTest;
beforeAll(async () => {
  endpoint = await startEndpoint({ heartbeatMs: 10 });
});
afterAll(() => endpoint[Symbol.asyncDispose]());

describe.each(REVISIONS)("a call that takes long, in %s", (revision) => {
  it("tells a client that asked for progress that it is still at work", async () => {
    const client = await endpoint.connect("member", revision);
    const release = endpoint.home.hold();
    const progressed = Promise.withResolvers<void>();
    const answer = client.callTool(
      { name: "sync_now", arguments: {} },
      { onprogress: () => progressed.resolve(), resetTimeoutOnProgress: true },
    );
    await progressed.promise;
    release();
    expect((await answer).isError).toBeUndefined();
  });

  it("is given up behind the gateway when the client cancels it", async () => {
    const client = await endpoint.connect("member", revision);
    const release = endpoint.home.hold();
    const cancel = new AbortController();
    endpoint.home.calls.length = 0;
    const answer = client.callTool({ name: "sync_now", arguments: {} }, { signal: cancel.signal });
    await expect.poll(() => endpoint.home.calls.at(-1)?.tool).toBe("sync_now");
    const call = endpoint.home.calls.at(-1);
    cancel.abort();
    await expect(answer).rejects.toThrow();
    await expect.poll(() => call?.signal.aborted).toBe(true);
    release();
  });
});
