import type { EntityType } from "./entity-type.ts";
import { invalid } from "./errors.ts";
import type { RecordId } from "./ids.ts";
import { canonicalJson, type JsonObject } from "./json.ts";
import type { RelationshipType } from "./relationship-type.ts";

/** SHA-256 of the UTF-8 bytes of a text, as 64 hexadecimal digits in lower case. Passed in, because the kernel runs in browsers too. */
export type Sha256 = (text: string) => string;

/** What an entity says; `body` is null in a tombstone. */
export interface EntityContent {
  readonly kind: "entity";
  readonly type: EntityType;
  readonly body: JsonObject | null;
}

/** What a relationship says; `body` (its properties) is null in a tombstone. */
export interface RelationshipContent {
  readonly kind: "relationship";
  readonly type: RelationshipType;
  readonly from: RecordId;
  readonly to: RecordId;
  readonly body: JsonObject | null;
}

/** What a record says, without where it came from. */
export type RecordContent = EntityContent | RelationshipContent;

/** The one key under which a relationship's type and ends are stamped and merged. No property may bear that name. */
export const ENDS_KEY = "@ends";

/**
 * The key of a body, or of an edge's properties, under which an import remembers what it imported. It says nothing to
 * people: searches and comparisons leave it out.
 */
export const IMPORT_MEMORY_KEY = "imported";

/** @throws DomainError `invalid`, reason RESERVED_KEY, naming `field`, when a relationship has a property {@link ENDS_KEY}. */
export function requireNoReservedKey(content: RecordContent, field: string): void {
  if (content.kind === "entity" || content.body === null || !Object.hasOwn(content.body, ENDS_KEY)) return;
  throw invalid([{ field, description: `has the property ${ENDS_KEY}, which is reserved` }], "RESERVED_KEY");
}

/** The keys that a version of this content stamps: those of its body, and {@link ENDS_KEY} for a relationship. */
export function contentKeys(content: RecordContent): Set<string> {
  const keys = new Set(Object.keys(content.body ?? {}));
  if (content.kind === "relationship") keys.add(ENDS_KEY);
  return keys;
}

/**
 * The text whose SHA-256 decides whether two contents are equal: RFC 8785 of {type, body} or {type, from, to,
 * properties}, with null for the body of a tombstone.
 */
export function canonicalContent(content: RecordContent, canonicalBody?: string): string {
  const body = canonicalBody ?? (content.body === null ? "null" : canonicalJson(content.body));
  return content.kind === "entity"
    ? `{"body":${body},"type":"${content.type}"}`
    : `{"from":"${content.from}","properties":${body},"to":"${content.to}","type":"${content.type}"}`;
}

/** SHA-256 of {@link canonicalContent}, hexadecimal. */
export function contentHash(content: RecordContent, sha256: Sha256, canonicalBody?: string): string {
  return sha256(canonicalContent(content, canonicalBody));
}
