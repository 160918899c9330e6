import { type McpServer, ProtocolError, ProtocolErrorCode } from "@modelcontextprotocol/server";
import type { Calls } from "./calls.ts";
import type { Prompt } from "./feature.ts";

/** Offers conversations to start from. */
export function offerPrompts({ server }: McpServer, calls: Calls, prompts: readonly Prompt[]): void {
  server.registerCapabilities({ prompts: { listChanged: false } });
  server.setRequestHandler("prompts/list", () => ({ prompts: prompts.map((prompt) => prompt.listed) }));
  server.setRequestHandler("prompts/get", ({ params }, sdk) =>
    calls.run("prompts/get", sdk, async (context) => {
      const prompt = promptNamed(prompts, params.name);
      const given = params.arguments ?? {};
      const missing = prompt.listed.arguments?.find(({ name, required }) => required && given[name] === undefined);
      if (missing !== undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `The argument ${missing.name} is required`);
      }
      return prompt.get(given, context);
    }),
  );
}

/** @throws ProtocolError */
export function promptNamed(prompts: readonly Prompt[], name: string): Prompt {
  const found = prompts.find(({ listed }) => listed.name === name);
  if (found !== undefined) return found;
  throw new ProtocolError(ProtocolErrorCode.InvalidParams, `There is no prompt named ${name}`);
}
