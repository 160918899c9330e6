import { ENTITY_TYPES, SOURCE_TYPES } from "@funkygibbon/kernel/entity-type";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseDeviceId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import { CONFLICT_DECISIONS, CONFLICT_TYPES, STRATEGIES } from "@funkygibbon/kernel/record";
import { RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import { parseVersion } from "@funkygibbon/kernel/version";
import { z } from "zod";
import { type ExportLine, HOUSEHOLD_FORMAT } from "../domain/household-lines.ts";

const recordId = z.string().transform((text) => parseRecordId(text));
const version = z.string().transform((text) => parseVersion(text).id);
const user = z.string().transform((text) => parseUserId(text));
const device = z.string().transform((text) => parseDeviceId(text));
const micros = z.int();
const count = z.int().nonnegative();
/** What the wire can hold. */
const unicode = z.string().refine((value) => value.isWellFormed(), "has half a character");
/** What PostgreSQL's text can hold. */
const text = z.string().refine((value) => !value.includes("\u0000") && value.isWellFormed(), "is no plain text");
const sources = z.enum(SOURCE_TYPES);
const strategy = z.enum(STRATEGIES);

const origin = z.strictObject({ channel: z.enum(["api", "mcp"]), clientName: text, tool: text, callId: text });

const householdLine = z.strictObject({
  line: z.literal("household"),
  format: z.literal(HOUSEHOLD_FORMAT),
  household: text,
  epoch: z.guid(),
  headSeq: count,
  digest: z
    .string()
    .regex(/^\d{1,20}$/)
    .refine((digits) => BigInt(digits) < 2n ** 64n, "is above 2^64 - 1"),
  committedUs: micros,
  createdUs: micros,
});

const versionLine = z.strictObject({
  line: z.literal("version"),
  seq: z.int().positive(),
  id: recordId,
  version,
  parents: z.array(version),
  content: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("entity"), type: z.enum(ENTITY_TYPES) }),
    z.strictObject({
      kind: z.literal("relationship"),
      type: z.enum(RELATIONSHIP_TYPES),
      from: recordId,
      to: recordId,
    }),
  ]),
  body: text.optional(),
  bodyRemoved: z.literal(true).optional(),
  deleted: z.boolean(),
  contentHash: z.string().regex(/^[0-9a-f]{64}$/),
  stamps: z.array(
    z.strictObject({
      stamp: z.strictObject({ effectiveUs: micros, device, sequence: count }),
      keys: z.array(unicode),
    }),
  ),
  source: sources,
  author: user,
  healer: user.optional(),
  claimedUs: micros,
  effectiveUs: micros,
  committedUs: micros,
  outcome: z.enum(["applied", "merged", "superseded", "pending_review"]),
  origin: origin.optional(),
  head: z.literal(true).optional(),
  cascaded: z.literal(true).optional(),
});

const fieldConflict = z
  .strictObject({
    field: unicode,
    localJson: unicode.optional(),
    serverJson: unicode.optional(),
    baseJson: unicode.optional(),
    decidedJson: unicode.optional(),
    rule: unicode,
  })
  .transform((field) => ({
    field: field.field,
    localJson: field.localJson,
    serverJson: field.serverJson,
    baseJson: field.baseJson,
    decidedJson: field.decidedJson,
    rule: field.rule,
  }));

const conflictLine = z.strictObject({
  line: z.literal("conflict"),
  id: z.guid(),
  record: recordId,
  recordKind: z.enum(["entity", "relationship"]),
  type: z.enum(CONFLICT_TYPES),
  localVersion: version,
  serverVersion: version.optional(),
  baseVersion: version.optional(),
  resolvedVersion: version.optional(),
  strategy,
  decision: z.enum(CONFLICT_DECISIONS),
  fields: z.array(fieldConflict),
  localAuthor: user,
  localDevice: device,
  serverAuthor: user.optional(),
  serverDevice: device.optional(),
  openedUs: micros,
  settledUs: micros,
  settledBy: user.optional(),
  etag: z.string().regex(/^\d{1,9}$/),
});

const decisionLine = z.strictObject({
  line: z.literal("decision"),
  conflict: z.guid(),
  revision: z.int().positive(),
  record: recordId,
  seq: count,
  decidedUs: micros,
  author: user,
  origin,
});

const policyLine = z.strictObject({
  line: z.literal("policy"),
  entityType: z.enum(ENTITY_TYPES).optional(),
  strategy: strategy.optional(),
  fieldRules: z.array(z.tuple([unicode, unicode])),
  changedUs: micros,
  changedBy: user,
});

const deviceLine = z.strictObject({
  line: z.literal("device"),
  device,
  user: user.optional(),
  highestSequence: count,
  newestVersion: version.optional(),
  newestEffectiveUs: micros,
  lastSeenUs: micros,
  clientVersion: text,
  platform: text,
});

const endLine = z.strictObject({ line: z.literal("end"), lines: z.int().positive() });

const anyLine = z.discriminatedUnion("line", [
  householdLine,
  versionLine,
  conflictLine,
  decisionLine,
  policyLine,
  deviceLine,
  endLine,
]);

/** Reads one line of an export. @throws DomainError `invalid` naming the line and what is wrong with it. */
export function parseHouseholdLine(line: string, number: number): ExportLine {
  try {
    const parsed = anyLine.safeParse(JSON.parse(line));
    if (parsed.success) return parsed.data as ExportLine;
    throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalid([{ field: `line ${number}`, description: why }]);
  }
}

/** The line as it stands in an export. */
export function formatHouseholdLine(line: ExportLine): string {
  return `${JSON.stringify(line)}\n`;
}
