import { DomainError } from "./errors.ts";
import { scanJson } from "./json-scan.ts";

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
/** A JSON object. Keys such as `__proto__` are ordinary own properties: read with `Object.hasOwn`, never with `in`. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** How large a body may be. */
export interface JsonLimits {
  /** UTF-8 bytes of the text. */
  readonly maxBytes: number;
  /** Levels of nesting; a flat object has depth 1. */
  readonly maxDepth: number;
}

/** A body that has been checked, with its canonical text. */
export interface ParsedJsonObject {
  readonly value: JsonObject;
  /** RFC 8785 text of the value: equal values have equal texts. */
  readonly canonical: string;
}

/**
 * Reads a JSON object strictly (RFC 8259 within I-JSON, RFC 7493): duplicate keys, lone surrogates and numbers that a
 * double cannot hold exactly as they were written are refused, because another reader would see another value.
 * @throws DomainError `invalid` naming `field`, reason INVALID_JSON, NOT_AN_OBJECT, BODY_TOO_LARGE, TOO_DEEP,
 * DUPLICATE_KEY, LONE_SURROGATE or NUMBER_PRECISION.
 */
export function parseJsonObject(text: string, limits: JsonLimits, field: string): ParsedJsonObject {
  const { value, written, ordered } = read(text, limits, field);
  const canonical = (ordered ?? standsInOrder(value, limits.maxDepth, field)) ? written : inOrder(value);
  // 1e20 has 21 digits in canonical text, which is what a merge writes.
  if (canonical !== text && isLongerThan(limits.maxBytes, canonical)) {
    throw refuse(field, "BODY_TOO_LARGE", `must be at most ${limits.maxBytes} bytes in canonical form (RFC 8785)`);
  }
  return { value, canonical };
}

/** As strict as {@link parseJsonObject}, for readers who do not need the canonical text. */
export function readJsonObject(text: string, limits: JsonLimits, field: string): JsonObject {
  return read(text, limits, field).value;
}

function read(text: string, limits: JsonLimits, field: string) {
  if (isLongerThan(limits.maxBytes, text)) {
    throw refuse(field, "BODY_TOO_LARGE", `must be at most ${limits.maxBytes} bytes`);
  }
  const value = parse(text, field);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse(field, "NOT_AN_OBJECT", "must be a JSON object");
  }
  const object = value as JsonObject;
  // The engine's own serialisation has no bound of its own to the depth.
  const flat = hasFewBrackets(text, limits.maxDepth);
  const ordered = flat ? undefined : standsInOrder(value, limits.maxDepth, field);
  const written = JSON.stringify(value);
  // Text that is written again as it came cannot hide a duplicate key or a number that changed: most clients write it so.
  const asItCame = written === text;
  if (flat && asItCame && !text.includes("\\ud")) return { value: object, written, ordered };
  const found = ordered ?? standsInOrder(value, limits.maxDepth, field);
  const fault = asItCame ? undefined : scanJson(text);
  if (fault !== undefined) throw refuse(field, fault.reason, fault.description);
  return { value: object, written, ordered: found };
}

/** Whether a text has so few opening brackets that it cannot be nested more deeply. */
function hasFewBrackets(text: string, most: number): boolean {
  let found = 0;
  for (const bracket of ["{", "["]) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      found += 1;
      if (found > most) return false;
    }
  }
  return true;
}

/** Whether a text has more than so many UTF-8 bytes. A UTF-16 unit takes three at most, so most texts need no counting. */
export function isLongerThan(bytes: number, text: string): boolean {
  return 3 * text.length > bytes && (text.length > bytes || utf8Length(text) > bytes);
}

/** The RFC 8785 text of a value: keys sorted by UTF-16 unit, no white space, ECMAScript numbers. */
export function canonicalJson(value: JsonValue): string {
  // Most values of most keys are short texts and numbers.
  if (typeof value === "string" && PLAIN.test(value)) return `"${value}"`;
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return standsInOrder(value, Number.POSITIVE_INFINITY, "value") ? JSON.stringify(value) : inOrder(value);
}

/** As {@link canonicalJson} of the object with these entries, whose keys differ from each other. */
export function canonicalJsonOf(entries: readonly (readonly [string, JsonValue])[]): string {
  let text = "{";
  let previous = "";
  for (const [key, value] of entries) {
    if (previous > key) return canonicalJson(jsonObject(entries));
    previous = key;
    text += `${text.length > 1 ? "," : ""}${canonicalJson(key)}:${canonicalJson(value)}`;
  }
  return `${text}}`;
}

/** Deep equality of JSON values: objects regardless of key order, arrays in order, numbers by value. */
export function jsonEquals(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!jsonEquals(a[index], b[index])) return false;
    return true;
  }
  const left = a as JsonObject;
  const right = b as JsonObject;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) if (!Object.hasOwn(right, key) || !jsonEquals(left[key], right[key])) return false;
  return true;
}

/** The object with these keys, in a form in which `__proto__` is a key like any other. */
export function jsonObject(entries: Iterable<readonly [string, JsonValue]>): JsonObject {
  return Object.fromEntries(entries);
}

/** The value of an own key, `undefined` when it is not there. */
export function jsonGet(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function parse(text: string, field: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse(field, "INVALID_JSON", "must be JSON (RFC 8259)");
  }
}

/**
 * Checks a whole value; false when somewhere in it the keys of an object are not in canonical order. Most do stand in it,
 * and then the engine's own serialisation is several times faster.
 */
function standsInOrder(value: unknown, depthLeft: number, field: string): boolean {
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw refuse(field, "LONE_SURROGATE", "has a lone surrogate, which is no text");
    return true;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw refuse(field, "NUMBER_PRECISION", "has a number that a double cannot hold");
    return true;
  }
  if (typeof value !== "object" || value === null) return true;
  if (depthLeft <= 0) throw refuse(field, "TOO_DEEP", "is nested too deeply");
  let ordered = true;
  if (Array.isArray(value)) {
    for (const item of value) if (!standsInOrder(item, depthLeft - 1, field)) ordered = false;
    return ordered;
  }
  const object = value as JsonObject;
  let previous = "";
  for (const key of Object.keys(object)) {
    if (!key.isWellFormed()) throw refuse(field, "LONE_SURROGATE", "has a lone surrogate, which is no text");
    if (previous > key) ordered = false;
    previous = key;
    if (!standsInOrder(object[key], depthLeft - 1, field)) ordered = false;
  }
  return ordered;
}

/** Serialises a value that has been checked, the keys of its objects sorted by UTF-16 unit. */
function inOrder(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(inOrder).join(",")}]`;
  let text = "{";
  for (const key of Object.keys(value).sort()) {
    if (text.length > 1) text += ",";
    text += `${quoted(key)}:${inOrder((value as JsonObject)[key])}`;
  }
  return `${text}}`;
}

/** Nothing in it needs an escape. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** UTF-8 bytes of a text, lone surrogates counted as three. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7ff) bytes += unit >= 0xd800 && unit <= 0xdfff ? 1 : 2;
    else if (unit > 0x7f) bytes += 1;
  }
  return bytes;
}

function refuse(field: string, reason: string, description: string): DomainError {
  return new DomainError("invalid", `${field}: ${description}`, { reason, fields: [{ field, description }] });
}
