import { ENDS_KEY } from "@funkygibbon/kernel/content";
import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";

interface SourceFacts {
  readonly id: RecordId;
  /** The body of a node, the properties of an edge. */
  readonly body: JsonObject;
  /** What the graph shall say of where it came from. */
  readonly source: SourceType;
  /**
   * How an import that comes again tells other people's edits from its own:
   * - `remembered`: what was imported last is remembered with the record, key by key.
   * - `guessed`: nobody says so, and it has to be somehow: created when missing, as if the source had said it, and left
   *   as it is afterwards.
   * - `shared`: it belongs to the people rather than to one source, as homes and rooms do that have no ids of their own:
   *   created when missing, never changed.
   * - `history`: the source brings what the record said earlier (see {@link saidBy}); only a record that says one of
   *   these is brought up to date.
   */
  readonly basis:
    | { readonly kind: "remembered" }
    | { readonly kind: "guessed" }
    | { readonly kind: "shared" }
    | { readonly kind: "history"; readonly earlier: readonly JsonObject[] };
}

/** A node as a source has it. */
export interface SourceEntity extends SourceFacts {
  readonly kind: "entity";
  readonly type: EntityType;
}

/** An edge as a source has it. */
export interface SourceRelationship extends SourceFacts {
  readonly kind: "relationship";
  readonly type: RelationshipType;
  readonly from: RecordId;
  readonly to: RecordId;
}

/** A record as a source has it. */
export type SourceRecord = SourceEntity | SourceRelationship;

/** What a record says, key by key: the ends of an edge are a key like any other. */
export function saidBy(body: JsonObject, ends?: { readonly from: RecordId; readonly to: RecordId }): JsonObject {
  return ends === undefined ? body : { ...body, [ENDS_KEY]: [ends.from, ends.to] };
}
