import { IMPORT_MEMORY_KEY } from "@funkygibbon/kernel/content";
import { canonicalJson, type JsonObject, type JsonValue, jsonGet } from "@funkygibbon/kernel/json";

/** Key by key, what a source said of a record when it was last imported, each value as its {@link fingerprint}. */
export type Fingerprints = Readonly<Record<string, string>>;

/** What a body remembers of this source; undefined: nothing, or not in the form that we write. */
export function memoryIn(body: JsonObject, source: string): Fingerprints | undefined {
  const memory = jsonGet(body, IMPORT_MEMORY_KEY);
  if (!isObject(memory) || jsonGet(memory, "source") !== source) return undefined;
  const keys = jsonGet(memory, "keys");
  return isObject(keys) && Object.values(keys).every((print) => typeof print === "string")
    ? (keys as Fingerprints)
    : undefined;
}

/** What a body is to remember of this source. */
export function memoryOf(said: JsonObject, source: string, sha1: Sha1): JsonObject {
  const keys = Object.entries(said).map(([key, value]) => [key, fingerprint(value, sha1)] as const);
  return { source, keys: Object.fromEntries(keys) };
}

/** SHA-1 of the platform; nothing rests on its strength. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array;

/** Twelve hexadecimal digits that stand for a value, so that a body need not hold it twice. */
export function fingerprint(value: JsonValue, sha1: Sha1): string {
  const bytes = sha1(new TextEncoder().encode(canonicalJson(value))).subarray(0, 6);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
