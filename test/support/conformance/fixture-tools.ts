import { setTimeout as sleep } from "node:timers/promises";
import type { CallContext } from "@funkygibbon/mcp-gateway/handlers/feature";
import type { Tool } from "@funkygibbon/mcp-gateway/handlers/tool";
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type InputRequest,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
} from "@modelcontextprotocol/server";

/** The smallest PNG and the smallest WAV. */
export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

type Result = CallToolResult | InputRequiredResult;
type Run = (context: CallContext, args: Record<string, string>) => Result | Promise<Result>;

/** The tools that the conformance suite names and calls. */
export const fixtureTools: readonly Tool[] = [
  fixture("test_simple_text", () => said("This is a simple text response for testing.")),
  fixture("test_image_content", () => ({ content: [{ type: "image", data: PNG, mimeType: "image/png" }] })),
  fixture("test_audio_content", () => ({ content: [{ type: "audio", data: WAV, mimeType: "audio/wav" }] })),
  fixture("test_embedded_resource", () => ({
    content: [
      {
        type: "resource",
        resource: {
          uri: "test://embedded-resource",
          mimeType: "text/plain",
          text: "This is an embedded resource content.",
        },
      },
    ],
  })),
  fixture("test_multiple_content_types", () => ({
    content: [
      { type: "text", text: "Multiple content types test:" },
      { type: "image", data: PNG, mimeType: "image/png" },
      {
        type: "resource",
        resource: {
          uri: "test://mixed-content-resource",
          mimeType: "application/json",
          text: '{"test":"data","value":123}',
        },
      },
    ],
  })),
  fixture("test_error_handling", () => ({
    isError: true,
    content: [{ type: "text", text: "This tool intentionally returns an error for testing" }],
  })),
  fixture("test_tool_with_progress", async ({ request }) => {
    const progressToken = request._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await request.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
      }
      await sleep(50);
    }
    return said("done");
  }),
  fixture("test_tool_with_logging", async ({ request }) => {
    for (const line of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await request.log("info", line);
      await sleep(50);
    }
    return said("done");
  }),
  fixture("test_logging_tool", async ({ request }) => {
    await request.log("info", "logged");
    return said("done");
  }),
  fixture(
    "test_sampling",
    ({ request }, { prompt = "" }) => {
      const answer = inputResponse(request.inputResponses, "answer");
      if (answer.kind !== "sampling") return ask({ answer: sampling(prompt, 100) });
      return said(`LLM response: ${JSON.stringify(answer.result.content)}`);
    },
    ["prompt"],
  ),
  fixture(
    "test_elicitation",
    ({ request }, { message = "" }) => {
      const answer = inputResponse(request.inputResponses, "user");
      const properties = {
        username: { type: "string", description: "User's response" },
        email: { type: "string", description: "User's email address" },
      } as const;
      if (answer.kind !== "elicit") return ask({ user: form(message, properties) });
      return said(`User response: ${JSON.stringify(answer)}`);
    },
    ["message"],
  ),
  fixture("test_elicitation_sep1034_defaults", ({ request }) =>
    elicited(request, {
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    }),
  ),
  fixture("test_elicitation_sep1330_enums", ({ request }) =>
    elicited(request, {
      untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
      titledSingle: {
        type: "string",
        oneOf: [
          { const: "value1", title: "First Option" },
          { const: "value2", title: "Second Option" },
          { const: "value3", title: "Third Option" },
        ],
      },
      legacyEnum: {
        type: "string",
        enum: ["opt1", "opt2", "opt3"],
        enumNames: ["Option One", "Option Two", "Option Three"],
      },
      untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
      titledMulti: {
        type: "array",
        items: {
          anyOf: [
            { const: "value1", title: "First Choice" },
            { const: "value2", title: "Second Choice" },
            { const: "value3", title: "Third Choice" },
          ],
        },
      },
    }),
  ),
  fixture("test_missing_capability", () => ask({ answer: sampling("anything", 10) })),
  fixture("test_streaming_elicitation", ({ request }) => elicited(request, { name: { type: "string" } })),
  fixture("test_input_required_result_elicitation", ({ request }) => {
    const { name } = acceptedContent(request.inputResponses, "user_name") ?? {};
    if (typeof name !== "string") return ask({ user_name: form("What is your name?", { name: { type: "string" } }) });
    return said(`Hello, ${name}!`);
  }),
  fixture("test_input_required_result_sampling", ({ request }) => {
    const answer = inputResponse(request.inputResponses, "capital_question");
    if (answer.kind === "sampling") return said(JSON.stringify(answer.result.content));
    return ask({ capital_question: sampling("What is the capital of France?", 100) });
  }),
  fixture("test_input_required_result_list_roots", ({ request }) => {
    const answer = inputResponse(request.inputResponses, "client_roots");
    if (answer.kind === "roots") return said(`Roots: ${answer.roots.map(({ uri }) => uri).join(", ")}`);
    return ask({ client_roots: inputRequired.listRoots() });
  }),
  fixture("test_input_required_result_request_state", async (context) => {
    const { request } = context;
    const { ok } = acceptedContent(request.inputResponses, "confirm") ?? {};
    if (ok !== undefined && request.requestState<{ asked: boolean }>()?.asked === true) return said("state-ok");
    const confirm = form("Please confirm", { ok: { type: "boolean" } });
    return ask({ confirm }, await context.seal({ asked: true }));
  }),
  fixture("test_input_required_result_multiple_inputs", async (context) => {
    const { inputResponses } = context.request;
    const { name } = acceptedContent(inputResponses, "user_name") ?? {};
    const greeting = inputResponse(inputResponses, "greeting");
    const roots = inputResponse(inputResponses, "client_roots");
    if (name !== undefined && greeting.kind === "sampling" && roots.kind === "roots") return said(`All of ${name}`);
    const questions = {
      user_name: form("What is your name?", { name: { type: "string" } }),
      greeting: sampling("Generate a greeting", 50),
      client_roots: inputRequired.listRoots(),
    };
    return ask(questions, await context.seal({ asked: true }));
  }),
  fixture("test_input_required_result_multi_round", async (context) => {
    const { request } = context;
    const state = request.requestState<{ round: number; name?: string }>();
    const step1 = acceptedContent(request.inputResponses, "step1");
    const step2 = acceptedContent(request.inputResponses, "step2");
    if (state?.round === 2 && step2 !== undefined) return said(`${state.name} likes ${step2.color}`);
    if (state?.round === 1 && step1 !== undefined) {
      const question = form("Step 2: What is your favorite color?", { color: { type: "string" } });
      return ask({ step2: question }, await context.seal({ round: 2, name: step1.name }));
    }
    const question = form("Step 1: What is your name?", { name: { type: "string" } });
    return ask({ step1: question }, await context.seal({ round: 1 }));
  }),
  fixture("test_input_required_result_tampered_state", async (context) => {
    if (context.request.requestState() !== undefined) return said("the state is whole");
    const confirm = form("Please confirm", { ok: { type: "boolean" } });
    return ask({ confirm }, await context.seal({ asked: true }));
  }),
  fixture("test_input_required_result_capabilities", ({ request }) => {
    const envelope: Readonly<Record<string, unknown>> = request.envelope ?? {};
    const can = (envelope[CLIENT_CAPABILITIES_META_KEY] ?? {}) as ClientCapabilities;
    const questions = {
      ...(can.elicitation === undefined ? {} : { name: form("Your name?", { name: { type: "string" } }) }),
      ...(can.sampling === undefined ? {} : { greeting: sampling("Generate a greeting", 50) }),
    };
    return Object.keys(questions).length === 0 || request.inputResponses !== undefined ? said("done") : ask(questions);
  }),
];

type Properties = Parameters<typeof inputRequired.elicit>[0]["requestedSchema"] extends infer Schema
  ? Schema extends { properties: infer P }
    ? P
    : never
  : never;

function fixture(name: string, run: Run, texts: readonly string[] = []): Tool {
  const properties = Object.fromEntries(texts.map((text) => [text, { type: "string" as const }]));
  const schema = { type: "object" as const, properties, required: [...texts] };
  return {
    name,
    access: "read",
    destructive: false,
    listed: { name, description: "A fixture of the conformance suite", inputSchema: schema },
    inputSchema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) => ({ value }),
        jsonSchema: { input: () => schema, output: () => schema },
      },
    },
    outputSchema: undefined,
    call: async (args, context) => run(context, args as Record<string, string>),
  };
}

function said(text: string): CallToolResult {
  return { content: [{ type: "text", text }] };
}

function ask(inputRequests: Record<string, InputRequest>, requestState?: string): InputRequiredResult {
  return inputRequired({ inputRequests, ...(requestState === undefined ? {} : { requestState }) });
}

function form(message: string, properties: Properties): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: { type: "object", properties, required: Object.keys(properties) },
  });
}

function sampling(text: string, maxTokens: number): InputRequest {
  return inputRequired.createMessage({ messages: [{ role: "user", content: { type: "text", text } }], maxTokens });
}

function elicited(request: CallContext["request"], properties: Properties): Result {
  const answer = inputResponse(request.inputResponses, "asked");
  if (answer.kind !== "elicit") {
    return ask({
      asked: inputRequired.elicit({ message: "Please fill in", requestedSchema: { type: "object", properties } }),
    });
  }
  return said(`Elicitation completed: action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`);
}
