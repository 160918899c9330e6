import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { type EndpointUnderTest, startEndpoint } from "./endpoint-under-test.ts";
import type { FakeHome } from "./fake-home.ts";

/** The endpoint in front of a home in memory, and a member's client of it. */
export interface Villa {
  readonly endpoint: EndpointUnderTest;
  readonly home: FakeHome;
  call(tool: string, args: Record<string, unknown>): Promise<VillaAnswer>;
  /** A kitchen, and a lamp and a fridge in it. */
  furnish(): ReturnType<typeof furnished>;
}

/** What a tool answered. */
export interface VillaAnswer {
  readonly failed: boolean;
  readonly text: string;
  readonly data: Record<string, unknown>;
  readonly error: Record<string, unknown> | undefined;
}

/** One for the tests of a file, empty at the start of each. */
export function villaForTests(): Villa {
  let endpoint: EndpointUnderTest;
  let client: Client;
  beforeAll(async () => {
    endpoint = await startEndpoint();
    client = await endpoint.connect("member");
    // The client checks structured content against the output schemas that it has seen listed.
    await client.listTools();
  });
  afterAll(() => endpoint?.[Symbol.asyncDispose]());
  beforeEach(() => endpoint.home.clear());
  return {
    get endpoint() {
      return endpoint;
    },
    get home() {
      return endpoint.home;
    },
    async call(name, args) {
      const result = await client.callTool({ name, arguments: args });
      const [content] = result.content;
      return {
        failed: result.isError === true,
        text: content?.type === "text" ? content.text : "",
        data: result.structuredContent as Record<string, unknown>,
        error: result._meta?.["funkygibbon.dev/error"] as Record<string, unknown> | undefined,
      };
    },
    furnish: () => furnished(endpoint.home),
  };
}

function furnished(home: FakeHome) {
  const villa = home.add("home", "Villa");
  const kitchen = home.add("room", "Kitchen");
  const lamp = home.add("device", "Ceiling lamp", { manufacturer: "IKEA" });
  const fridge = home.add("device", "Fridge");
  home.place(kitchen, villa);
  home.place(lamp, kitchen);
  home.place(fridge, kitchen);
  return { villa, kitchen, lamp, fridge };
}
