import { type EndpointUnderTest, startEndpoint } from "./endpoint-under-test.ts";
import type { FakeHome } from "./fake-home.ts";

/** The endpoint in front of a home in memory, and a member's client of it. */
export interface VillaUnderTest extends AsyncDisposable {
  readonly endpoint: EndpointUnderTest;
  readonly home: FakeHome;
  call(tool: string, args: Record<string, unknown>): Promise<VillaAnswer>;
}

/** What a tool answered. */
export interface VillaAnswer {
  readonly failed: boolean;
  readonly text: string;
  readonly data: Record<string, unknown>;
  readonly error: Record<string, unknown> | undefined;
}

/** Starts it on a free port. */
export async function startVilla(): Promise<VillaUnderTest> {
  const endpoint = await startEndpoint();
  const client = await endpoint.connect("member");
  // The client checks structured content against the output schemas that it has seen listed.
  await client.listTools();
  return {
    endpoint,
    home: endpoint.home,
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
    [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose](),
  };
}

/** A villa with a kitchen, and a lamp and a fridge in it. */
export function furnishVilla(home: FakeHome) {
  const villa = home.add("home", "Villa");
  const kitchen = home.add("room", "Kitchen");
  const lamp = home.add("device", "Ceiling lamp", { manufacturer: "IKEA" });
  const fridge = home.add("device", "Fridge");
  home.place(kitchen, villa);
  home.place(lamp, kitchen);
  home.place(fridge, kitchen);
  return { villa, kitchen, lamp, fridge };
}
