import { type Micros, nearestMicros } from "@funkygibbon/kernel/clock";
import { contentHash, type RecordContent, requireNoReservedKey, type Sha256 } from "@funkygibbon/kernel/content";
import type { SourceType } from "@funkygibbon/kernel/entity-type";
import { DomainError } from "@funkygibbon/kernel/errors";
import { type DeviceId, isUuid, parseDeviceId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import { parseJsonObject, utf8Length } from "@funkygibbon/kernel/json";
import { BODY_LIMITS, MAX_PARENTS } from "@funkygibbon/kernel/limits";
import { must } from "@funkygibbon/kernel/must";
import type { IncomingChange, IncomingContent, IncomingHeal } from "@funkygibbon/kernel/record";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import { parseVersion, type Version } from "@funkygibbon/kernel/version";
import type { PreparedChange, ValidChange, ValidHeal } from "./prepared-change.ts";

const MAX_KEY_BYTES = 2 * BODY_LIMITS.maxBytes;

/** What a change is checked against besides itself. */
export interface PreparationContext {
  /** The device of the session; its own changes must bear it. */
  readonly device: DeviceId;
  readonly sha256: Sha256;
}

/** Checks everything about a change that needs no look at the log. A fault is the change's own rejection, never an exception. */
export function prepareChange(change: IncomingChange, context: PreparationContext): PreparedChange {
  try {
    return { kind: "valid", change: validate(change, context) };
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind !== "invalid") throw error;
    const first = error.fields[0];
    return {
      kind: "rejected",
      record: isUuid(change.recordId) ? change.recordId.toLowerCase() : change.recordId,
      version: change.version,
      rejection: { reason: error.reason, field: first?.field ?? "", message: first?.description ?? error.message },
    };
  }
}

function validate(change: IncomingChange, context: PreparationContext): ValidChange {
  const record = parseField(() => parseRecordId(change.recordId, "record_id"), "MALFORMED_ID");
  const version = parseVersion(change.version, "version");
  const heal = change.heal === undefined ? undefined : validateHeal(change.heal, version);
  if (heal === undefined) requireOwnDevice(version, context.device);
  const { content, source, bodyText, canonicalBody } = validateContent(change.content, change.deleted);
  verifyChecksum(change.checksum, canonicalBody, context.sha256);
  return {
    record,
    version: version.id,
    device: version.device,
    sequence: version.sequence,
    parents: validateParents(change.parents, version),
    content,
    bodyText,
    deleted: change.deleted,
    source,
    contentHash: contentHash(content, context.sha256, canonicalBody),
    claimedUs: validateClaimedTime(change.claimedUs, version),
    wish: validateWish(change.wish),
    changedKeys: validateChangedKeys(change.changedKeys),
    deferredSinceUs: change.deferredSinceUs,
    heal,
  };
}

/** A device that adds the checksum of a body has it verified end to end; the content hash that we keep covers type and ends too. */
function verifyChecksum(checksum: string, canonicalBody: string, sha256: Sha256): void {
  if (checksum === "" || checksum.toLowerCase() === sha256(canonicalBody)) return;
  throw refuse("CHECKSUM_MISMATCH", "checksum", "is not the SHA-256 of the canonical body");
}

function requireOwnDevice(version: Version, device: DeviceId): void {
  if (version.device === device) return;
  throw refuse("DEVICE_MISMATCH", "version", "names another device than that of the session");
}

function validateParents(parents: readonly string[], own: Version) {
  if (parents.length > MAX_PARENTS) {
    throw refuse("TOO_MANY_PARENTS", "parent_versions", `must be at most ${MAX_PARENTS}`);
  }
  const parsed = parents.map((parent, index) => parseVersion(parent, `parent_versions[${index}]`).id);
  if (parsed.includes(own.id)) throw refuse("OWN_PARENT", "parent_versions", "names the version itself");
  return [...new Set(parsed)];
}

/** Whoever wishes for a strategy that we do not know means something that we would not do. */
function validateWish(wish: IncomingChange["wish"]): ValidChange["wish"] {
  if (wish === "unknown") throw refuse("UNKNOWN_STRATEGY", "wish", "is not a known strategy");
  return wish;
}

function validateChangedKeys(keys: readonly string[]): ReadonlySet<string> | undefined {
  requireBoundedKeys(keys, "changed_keys");
  return keys.length === 0 ? undefined : new Set(keys);
}

/** A version stamps the keys of its body, and as many removed ones: no more than two bodies could hold. */
function requireBoundedKeys(keys: readonly string[], field: string): void {
  const bytes = keys.reduce((sum, key) => sum + utf8Length(key), 0);
  if (bytes <= MAX_KEY_BYTES) return;
  throw refuse("TOO_MANY_KEYS", field, `must be at most ${MAX_KEY_BYTES} bytes together`);
}

/** A version spells its time in milliseconds, so the finer claim may differ from it by less than one. */
function validateClaimedTime(claimedUs: Micros, version: Version): Micros {
  if (claimedUs === 0) return version.claimedUs;
  const claimed = nearestMicros(claimedUs);
  if (Math.abs(claimed - version.claimedUs) < 1_000) return claimed;
  throw refuse("CLAIMED_TIME_MISMATCH", "claimed_us", "is not the time of the version");
}

function validateHeal(heal: IncomingHeal, version: Version): ValidHeal {
  const device = parseDeviceId(heal.device, "heal.device_id");
  if (device !== version.device) throw refuse("DEVICE_MISMATCH", "heal.device_id", "is not the device of the version");
  // A group without keys says nothing, and many of them would be cheap to send and dear to judge.
  const stamps = heal.stamps().filter(({ keys }) => keys.length > 0);
  requireWholeNumbers(stamps, heal.effectiveUs);
  requireBoundedKeys(
    stamps.flatMap(({ keys }) => keys),
    "heal.stamps",
  );
  return { author: parseUserId(heal.author, "heal.author"), stamps, effectiveUs: heal.effectiveUs };
}

function requireWholeNumbers(stamps: KeyStamps, effectiveUs: Micros): void {
  const numbers = stamps.flatMap(({ stamp }) => [stamp.effectiveUs, stamp.sequence]);
  if ([...numbers, effectiveUs].every((number) => Number.isSafeInteger(number) && number >= 0)) return;
  throw refuse("MALFORMED_STAMP", "heal.stamps", "has a time or sequence that is out of range");
}

interface ValidContent {
  readonly content: RecordContent;
  readonly source: SourceType;
  readonly bodyText: string | null;
  readonly canonicalBody: string;
}

function validateContent(content: IncomingContent | undefined, deleted: boolean): ValidContent {
  if (content === undefined) throw refuse("CONTENT_MISSING", "content", "must be an entity or a relationship");
  const room = content.kind;
  if (content.type === undefined) throw refuse("UNKNOWN_TYPE", `${room}.type`, "is not a type of this vocabulary");
  if (content.source === undefined) throw refuse("UNKNOWN_SOURCE", `${room}.source`, "is not a known source");
  const body = validateBody(content, deleted);
  if (content.kind === "entity") {
    return { ...body, content: { kind: "entity", type: content.type, body: body.value }, source: content.source };
  }
  const from = parseField(() => parseRecordId(content.from, "relationship.from_id"), "MALFORMED_ID");
  const to = parseField(() => parseRecordId(content.to, "relationship.to_id"), "MALFORMED_ID");
  const relationship = { kind: "relationship", type: content.type, from, to, body: body.value } as const;
  requireNoReservedKey(relationship, "relationship.properties_json");
  return { ...body, content: relationship, source: content.source };
}

function validateBody(content: IncomingContent, deleted: boolean) {
  const field = content.kind === "entity" ? "entity.body_json" : "relationship.properties_json";
  if (deleted) {
    if (content.bodyJson !== "") throw refuse("TOMBSTONE_WITH_BODY", field, "must be empty in a tombstone");
    return { value: null, bodyText: null, canonicalBody: "null" };
  }
  const { value, canonical } = parseJsonObject(content.bodyJson, BODY_LIMITS, field);
  // PostgreSQL's text cannot hold NUL; JSON spells it \u0000, so only a raw one could get here, and that is no JSON.
  return { value, bodyText: content.bodyJson, canonicalBody: canonical };
}

function parseField<T>(parse: () => T, reason: string): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const field = must(error.fields[0], "a parser names the field at fault");
    throw refuse(reason, field.field, field.description);
  }
}

function refuse(reason: string, field: string, description: string): DomainError {
  return new DomainError("invalid", `${field}: ${description}`, { reason, fields: [{ field, description }] });
}
