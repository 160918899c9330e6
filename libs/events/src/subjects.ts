import { type HouseholdId, parseHouseholdId } from "@funkygibbon/kernel/ids";

/**
 * What is told about a household: `committed` a commit happened, `conflict` one was opened, settled or closed,
 * `presence` a device came or went, `control` something for whichever replica holds a device's stream, `assistant` what an
 * assistant said, for whichever replica of mcp-gateway it concerns.
 */
export const EVENT_KINDS = ["committed", "conflict", "presence", "control", "assistant"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** The subject of one household's events of a kind: `funkygibbon.household.<id>.committed`. */
export function householdSubject(household: HouseholdId, kind: EventKind): string {
  return `funkygibbon.household.${household}.${kind}`;
}

/** The subject that matches every household's events of a kind. */
export function everyHousehold(kind: EventKind): string {
  return `funkygibbon.household.*.${kind}`;
}

/** Takes a subject apart; undefined when it is none of ours. */
export function parseSubject(subject: string): { household: HouseholdId; kind: EventKind } | undefined {
  const [, id, word] = /^funkygibbon\.household\.([A-Za-z0-9_-]{1,64})\.([a-z]+)$/.exec(subject) ?? [];
  const kind = EVENT_KINDS.find((known) => known === word);
  return id === undefined || kind === undefined ? undefined : { household: parseHouseholdId(id), kind };
}

/** A JetStream stream. */
export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** How long a message id is remembered, to drop what is published twice. */
  readonly duplicateWindowMs: number;
}

/**
 * Commits alone are kept, for an hour and 256 MiB at most: JetStream is a wake-up with a short memory (it syncs its
 * files every two minutes), the log in PostgreSQL is the truth.
 */
export const COMMITTED_STREAM: StreamDefinition = {
  name: "funkygibbon-committed",
  subjects: [everyHousehold("committed")],
  maxAgeMs: 60 * 60 * 1_000,
  maxBytes: 256 * 1024 * 1024,
  duplicateWindowMs: 2 * 60 * 1_000,
};
