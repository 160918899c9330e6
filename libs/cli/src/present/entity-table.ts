import type { EntityData } from "./entity.ts";
import { titleOf } from "./entity.ts";
import { counted, type Look, plain, shortId } from "./look.ts";
import { table } from "./table.ts";

/** An entity and what it is located in, by name; empty: in nothing, or not known. */
export type PlacedEntity = EntityData & { readonly where: string };

/** Entities in the order in which they come, and how many. */
export function entityTable(rows: readonly PlacedEntity[], look: Look): readonly string[] {
  if (rows.length === 0) return [look.dim("nothing")];
  const isPlaced = rows.some(({ where }) => where !== "");
  const columns = [
    { title: "type", of: ({ type }: PlacedEntity) => type, paint: look.cyan },
    { title: "name", of: titleOf },
    ...(isPlaced ? [{ title: "in", of: ({ where }: PlacedEntity) => plain(where) }] : []),
    { title: "id", of: ({ id }: PlacedEntity) => `…${shortId(id)}`, paint: look.dim },
  ];
  return [...table(rows, columns, { width: look.width, title: look.bold }), look.dim(counted(rows.length, "entity"))];
}
