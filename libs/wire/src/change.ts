import type {
  Change as WireChange,
  ChangeOutcome as WireChangeOutcome,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ResolutionStrategy as WireStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { SourceType as WireSourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { SourceType } from "@funkygibbon/kernel/entity-type";
import { must } from "@funkygibbon/kernel/must";
import type { ChangeOutcome, IncomingChange, IncomingContent } from "@funkygibbon/kernel/record";
import type { WireContent } from "./content.ts";
import { entityTypes, relationshipTypes, sourceTypes } from "./graph-types.ts";
import { outcomes, strategies } from "./outcomes.ts";
import { stampsFromWire } from "./stamps.ts";

/** A pushed change, its shape parsed and no rule checked: whatever is wrong inside becomes that change's own rejection. */
export function changeFromWire(wire: WireChange): IncomingChange {
  return {
    recordId: wire.recordId,
    version: wire.version,
    parents: wire.parentVersions,
    content: incomingContent(wire.content),
    deleted: wire.deleted,
    claimedUs: Number(wire.claimedUs),
    checksum: wire.checksum,
    wish: wire.wish === WireStrategy.UNSPECIFIED ? undefined : (strategies.fromWire(wire.wish) ?? "unknown"),
    changedKeys: wire.changedKeys,
    deferredSinceUs: Number(wire.deferredSinceUs),
    heal:
      wire.heal === undefined
        ? undefined
        : {
            author: wire.heal.author,
            device: wire.heal.deviceId,
            // Malformed stamps must not fail the whole push, so the store parses them with the change.
            stamps: () => stampsFromWire(wire.heal?.stamps ?? [], "heal.stamps"),
            effectiveUs: Number(wire.heal.effectiveUs),
          },
  };
}

function incomingContent(content: WireContent): IncomingContent | undefined {
  switch (content.case) {
    case "entity":
      return {
        kind: "entity",
        type: entityTypes.fromWire(content.value.type),
        source: sourceFromWire(content.value.source),
        bodyJson: content.value.bodyJson,
      };
    case "relationship":
      return {
        kind: "relationship",
        type: relationshipTypes.fromWire(content.value.type),
        from: content.value.fromId,
        to: content.value.toId,
        source: sourceFromWire(content.value.source),
        bodyJson: content.value.propertiesJson,
      };
    case undefined:
      return undefined;
  }
}

/** UNSPECIFIED stands for manual; only values that nobody defined are unknown. */
function sourceFromWire(source: WireSourceType): SourceType | undefined {
  return source === WireSourceType.UNSPECIFIED ? "manual" : sourceTypes.fromWire(source);
}

/** An outcome that our own services sent. */
export function outcomeFromWire(wire: WireChangeOutcome): ChangeOutcome {
  return {
    record: wire.recordId,
    version: wire.version,
    outcome: must(outcomes.fromWire(wire.outcome), "every change is answered with an outcome"),
    headSeq: Number(wire.headSeq),
    duplicate: wire.duplicate,
    rejection:
      wire.rejection === undefined
        ? undefined
        : { reason: wire.rejection.reason, field: wire.rejection.field, message: wire.rejection.message },
  };
}
