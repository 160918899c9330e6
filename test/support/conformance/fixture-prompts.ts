import type { Prompt } from "@funkygibbon/mcp-gateway/handlers/feature";
import { type ContentBlock, type GetPromptResult, inputRequired } from "@modelcontextprotocol/server";
import { PNG } from "./fixture-tools.ts";

/** The prompts that the conformance suite names and gets. */
export const fixturePrompts: readonly Prompt[] = [
  fixture("test_simple_prompt", [], async () => messages(text("This is a simple prompt for testing."))),
  fixture("test_prompt_with_arguments", ["arg1", "arg2"], async ({ arg1, arg2 }) =>
    messages(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  ),
  fixture("test_prompt_with_embedded_resource", ["resourceUri"], async ({ resourceUri = "" }) =>
    messages(
      {
        type: "resource",
        resource: { uri: resourceUri, mimeType: "text/plain", text: "Embedded resource content for testing." },
      },
      text("Please process the embedded resource above."),
    ),
  ),
  fixture("test_prompt_with_image", [], async () =>
    messages({ type: "image", data: PNG, mimeType: "image/png" }, text("Please analyze the image above.")),
  ),
  fixture("test_input_required_result_prompt", [], async (_, { request }) => {
    if (request.inputResponses?.user_context !== undefined) return messages(text("With the context that was given."));
    const properties = { context: { type: "string" } } as const;
    const message = "What context should the prompt use?";
    const requestedSchema = { type: "object", properties, required: ["context"] } as const;
    return inputRequired({
      inputRequests: {
        user_context: inputRequired.elicit({ message, requestedSchema: { ...requestedSchema, required: ["context"] } }),
      },
    });
  }),
];

function fixture(name: string, required: readonly string[], get: Prompt["get"]): Prompt {
  return {
    listed: {
      name,
      description: "A fixture of the conformance suite",
      arguments: required.map((argument) => ({ name: argument, description: "An argument", required: true })),
    },
    get,
    complete: async ({ value }) => ["paris", "park", "party", "testing"].filter((word) => word.startsWith(value)),
  };
}

function text(words: string): ContentBlock {
  return { type: "text", text: words };
}

function messages(...contents: readonly ContentBlock[]): GetPromptResult {
  return { messages: contents.map((content) => ({ role: "user", content })) };
}
