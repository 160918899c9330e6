import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { EmbeddedResource, GetPromptResult, PromptMessage } from "@modelcontextprotocol/server";
import type { CallContext, Completing } from "../feature.ts";

const SUGGESTIONS = 100;
/** Longest text that a name is looked for with. */
const MAX_NAME = 200;

/** What the user says, with what of the home the assistant needs for it. */
export function conversation(
  description: string,
  { asked, given }: { readonly asked: string; readonly given: readonly EmbeddedResource["resource"][] },
): GetPromptResult {
  const resources = given.map((resource): PromptMessage => ({ role: "user", content: { type: "resource", resource } }));
  return { description, messages: [...resources, { role: "user", content: { type: "text", text: asked } }] };
}

/** Names of entities that hold what is typed, in the order of the graph; each once. */
export async function completeNames(
  types: readonly EntityType[],
  { value }: Completing,
  { graph, call }: CallContext,
): Promise<readonly string[]> {
  const nameContains = value === "" ? undefined : value.slice(0, MAX_NAME);
  const { items } = await graph.listEntities(call, { types, nameContains, limit: SUGGESTIONS });
  return [...new Set(items.map(({ name }) => name).filter((name) => name !== ""))];
}
