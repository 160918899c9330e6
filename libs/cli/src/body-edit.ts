import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { usageError } from "./usage-error.ts";

/**
 * Reads `key=value` as people type it: the value is JSON where it reads as JSON, and text otherwise; `key:=value` is
 * JSON in any case and `key==value` text.
 * @throws DomainError (usage).
 */
export function parseAssignments(texts: readonly string[]): JsonObject {
  return Object.fromEntries(texts.map(parseAssignment));
}

function parseAssignment(text: string): readonly [string, JsonValue] {
  const match = /^([^=:]+)(:=|==|=)(.*)$/s.exec(text);
  const [, key = "", sign, value = ""] = match ?? [];
  if (sign === undefined || key.trim() === "") throw usageError(`--set takes key=value, not ${text}`);
  if (sign === "==") return [key.trim(), value];
  const parsed = parseJson(value);
  if (parsed !== undefined) return [key.trim(), parsed];
  if (sign === ":=") throw usageError(`--set ${key}:= takes JSON, and ${value} is none`);
  return [key.trim(), value];
}

/** A body as JSON text. @param what for the error. @throws DomainError (usage). */
export function parseBody(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw usageError(`${what} must be a JSON object`);
}

/**
 * Refuses a body or a change of one that would leave an entity without a name unasked; one that says nothing of the name
 * is none of that. @throws DomainError (usage).
 */
export function mustKeepName(body: JsonObject): void {
  if (!Object.hasOwn(body, "name")) return;
  const { name } = body;
  if (typeof name !== "string") {
    const value = JSON.stringify(name);
    throw usageError(`a name is text, and ${value} is none: --set name==${value} takes it as text`);
  }
  if (name.trim() === "") throw usageError("a name is not empty: --unset name takes it away, if that is what you want");
}

/** Undefined: it is no JSON. */
function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
