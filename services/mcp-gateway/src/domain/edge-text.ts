import type { HomeGraph } from "./home-graph.ts";
import { nameText } from "./name-text.ts";
import type { ToolCall } from "./tool-call.ts";

/** Names of entities by their ids. */
export type NamesById = ReadonlyMap<string, string>;

/** The names of those entities that live and have one. */
export async function namesOf(graph: HomeGraph, call: ToolCall, ids: Iterable<string>): Promise<NamesById> {
  const entities = await graph.getEntities(call, [...new Set(ids)]);
  return new Map(entities.filter(({ name }) => name !== "").map(({ id, name }) => [id, name]));
}

/** `Lamp located_in Kitchen`; an end that is gone is told by its id. */
export function edgeText(
  { type, fromId, toId }: { readonly type: string; readonly fromId: string; readonly toId: string },
  names: NamesById,
): string {
  const end = (id: string) => nameText(names.get(id) ?? id);
  return `${end(fromId)} ${type} ${end(toId)}`;
}
