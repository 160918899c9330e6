import type { JsonLimits } from "./json.ts";

/** Limits of docs/protocol.md, section 11. */

/** Changes in one push, and records in one pulled page. */
export const MAX_CHANGES_PER_PUSH = 1_000;
/** Bytes of one push on the wire. */
export const MAX_PUSH_BYTES = 4 * 1024 * 1024;
/** Records in one pulled page. */
export const MAX_PAGE_RECORDS = 1_000;
/** Bytes of bodies and stamps in one pulled page; one record is always sent. */
export const MAX_PAGE_BYTES = 1024 * 1024;
/** Parents of one version. */
export const MAX_PARENTS = 16;
/** The body of one record. */
export const BODY_LIMITS: JsonLimits = { maxBytes: 64 * 1024, maxDepth: 32 };
/** How long a relationship may wait for its ends. */
export const MAX_DEFERRAL_MS = 7 * 24 * 60 * 60 * 1_000;
/** How often a divergence is resolved again when the head has moved meanwhile. */
export const MAX_RESOLUTION_ROUNDS = 5;
/** The name of the protocol. */
export const PROTOCOL_VERSION = "inbetweenies-v1";
