import { type JsonObject, jsonGet } from "@funkygibbon/kernel/json";

const MAX_NAME_LENGTH = 256;

/**
 * The name of a head as its slim table holds it: the key `name` where it is text, else empty. Cut to 256 characters;
 * bodies keep names whole.
 */
export function headName(body: JsonObject | null): string {
  const name = body === null ? undefined : jsonGet(body, "name");
  if (typeof name !== "string") return "";
  if (name.length <= MAX_NAME_LENGTH && !name.includes("\u0000")) return name;
  // PostgreSQL's text cannot hold NUL; a cut may not split a surrogate pair.
  return Array.from(name.slice(0, 2 * MAX_NAME_LENGTH).replaceAll("\u0000", ""))
    .slice(0, MAX_NAME_LENGTH)
    .join("")
    .toWellFormed();
}
