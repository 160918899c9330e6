import type { CompleteRequest, CompleteResult, McpServer } from "@modelcontextprotocol/server";
import type { Calls } from "./calls.ts";
import type { CallContext, Prompt, Resources } from "./feature.ts";
import { promptNamed } from "./offer-prompts.ts";

/** As many as an answer may hold. */
const MAX_VALUES = 100;

/** Offers values for the arguments of prompts and the variables of addresses while they are being typed. */
export function offerCompletions(
  { server }: McpServer,
  calls: Calls,
  features: { readonly prompts: readonly Prompt[]; readonly resources: Resources },
): void {
  server.registerCapabilities({ completions: {} });
  server.setRequestHandler("completion/complete", ({ params }, sdk) =>
    calls.run("completion/complete", sdk, async (context) => toResult(await valuesFor(params, features, context))),
  );
}

function valuesFor(
  { ref, argument: { name: argument, value } }: CompleteRequest["params"],
  features: { readonly prompts: readonly Prompt[]; readonly resources: Resources },
  context: CallContext,
): Promise<readonly string[]> {
  if (ref.type === "ref/prompt") return promptNamed(features.prompts, ref.name).complete({ argument, value }, context);
  return features.resources.complete(ref.uri, { argument, value }, context);
}

function toResult(values: readonly string[]): CompleteResult {
  const hasMore = values.length > MAX_VALUES;
  return { completion: { values: values.slice(0, MAX_VALUES), hasMore } };
}
