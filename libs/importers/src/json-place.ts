import { DomainError } from "@funkygibbon/kernel/errors";
import type { SourceFile } from "./import-format.ts";
import { findJsonFault } from "./json-fault.ts";

/** A value somewhere in a JSON file. Whoever asks it for something that it is not gets an error that names the place. */
export class JsonPlace {
  readonly file: string;
  /** For example `accessories[3].aid`; empty: the whole file. */
  readonly path: string;
  readonly value: unknown;

  constructor(file: string, path: string, value: unknown) {
    this.file = file;
    this.path = path;
    this.value = value;
  }

  /** Whether nothing stands here, or null. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  /** What stands under a key of this object. @throws DomainError when this is no object. */
  at(key: string): JsonPlace {
    const fields = this.fields();
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return new JsonPlace(this.file, this.path === "" ? key : `${this.path}.${key}`, value);
  }

  /** @throws DomainError when this is no object. */
  fields(): Readonly<Record<string, unknown>> {
    const { value } = this;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw this.fault(value === undefined ? "is missing" : "must be an object");
  }

  /** The places of a list. @throws DomainError when this is none. */
  list(): readonly JsonPlace[] {
    if (Array.isArray(this.value)) {
      return this.value.map((item: unknown, index) => new JsonPlace(this.file, `${this.path}[${index}]`, item));
    }
    throw this.fault(this.value === undefined ? "is missing" : "must be a list");
  }

  /** As {@link list}; nothing or null is an empty one. */
  optionalList(): readonly JsonPlace[] {
    return this.isAbsent ? [] : this.list();
  }

  /** @throws DomainError when this is no text, or an empty one. */
  text(): string {
    if (typeof this.value === "string" && this.value.trim() !== "") return this.value;
    throw this.fault(this.isAbsent ? "is missing" : "must be a text");
  }

  /** A text without blanks around it; undefined for nothing, null and blanks. @throws DomainError for anything else. */
  optionalText(): string | undefined {
    if (this.isAbsent) return undefined;
    if (typeof this.value !== "string") throw this.fault("must be a text");
    const text = this.value.trim();
    return text === "" ? undefined : text;
  }

  /** As {@link optionalText}; a number, which some write in its place, as its digits. */
  optionalTextOrNumber(): string | undefined {
    return typeof this.value === "number" ? String(this.value) : this.optionalText();
  }

  /** A whole number that is not negative, as its digits. @throws DomainError for anything else. */
  id(): string {
    const digits = Number.isSafeInteger(this.value) ? String(this.value) : this.value;
    if (typeof digits === "string" && /^\d{1,20}$/.test(digits)) return digits;
    throw this.fault(this.isAbsent ? "is missing" : "must be a whole number that is not negative");
  }

  /** What is wrong here, as an error. */
  fault(description: string): DomainError {
    return malformed(this.file, this.path, description);
  }
}

/** A fault of a file that is imported. @param place the path or the line; empty: the file as a whole. */
export function malformed(file: string, place: string, description: string, cause?: unknown): DomainError {
  const where = place === "" ? file : `${file}: ${place}`;
  return new DomainError("invalid", `${where} ${description}`, {
    reason: "MALFORMED_IMPORT",
    fields: [{ field: place === "" ? file : place, description }],
    details: { file },
    cause,
  });
}

/**
 * Reads a JSON file. Whole numbers that a double cannot hold are read as their digits.
 * @throws DomainError naming the line when it is not JSON.
 */
export function readJson({ name, text }: SourceFile): JsonPlace {
  const json = text.replace(/^\uFEFF/, "");
  try {
    return new JsonPlace(name, "", JSON.parse(json, keepLongNumbers));
  } catch (error) {
    const { line, column } = findJsonFault(json) ?? { line: 1, column: 1 };
    throw malformed(name, `line ${line}, column ${column}`, "is no longer JSON", error);
  }
}

/** The list under a key, or the file itself when it is the bare list, which is then spoken of as if it stood there. */
export function listUnder(root: JsonPlace, key: string): readonly JsonPlace[] {
  const place = Array.isArray(root.value) ? new JsonPlace(root.file, key, root.value) : root.at(key);
  return place.list();
}

/** Refuses two items with one key. @throws DomainError naming the second and the first. */
export function mustDiffer(places: readonly JsonPlace[], keyOf: (place: JsonPlace) => string): void {
  const seen = new Map<string, JsonPlace>();
  for (const place of places) {
    const key = keyOf(place);
    const first = seen.get(key);
    if (first !== undefined) throw place.fault(`repeats ${key}, which ${first.path} has already`);
    seen.set(key, place);
  }
}

/** Node knows the digits of every number. */
function keepLongNumbers(_key: string, value: unknown, ...rest: readonly { source?: string }[]): unknown {
  const tooLong = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return tooLong ? (rest[0]?.source ?? value) : value;
}
