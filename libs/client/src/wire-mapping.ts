import { create } from "@bufbuild/protobuf";
import { type Change, ChangeSchema, type RecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { SourceType as WireSourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { PulledRecord } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { SourceType } from "@funkygibbon/kernel/entity-type";
import { DomainError } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { parseVersion } from "@funkygibbon/kernel/version";
import { contentToWire, type TextContent } from "@funkygibbon/wire/content";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import { strategies } from "@funkygibbon/wire/outcomes";
import { stampsFromWire, stampsToWire } from "@funkygibbon/wire/stamps";
import type { Pulled } from "./base-layer.ts";
import type { BaseRecord, Edit } from "./replica-record.ts";

/** An edit as it is pushed; the same bytes every time it is sent. */
export function editToWire(edit: Edit): Change {
  return create(ChangeSchema, {
    recordId: edit.record,
    version: edit.version,
    parentVersions: [...edit.parents],
    content: contentToWire(edit.content, edit.content.source, edit.content.bodyJson),
    deleted: edit.deleted,
    claimedUs: BigInt(edit.claimedUs),
    ...(edit.wish === undefined ? {} : { wish: strategies.toWire(edit.wish) }),
    changedKeys: edit.parents.length === 0 || edit.deleted ? [] : [...edit.changedKeys],
    deferredSinceUs: edit.state.kind === "deferred" ? BigInt(edit.state.sinceUs) : 0n,
  });
}

/** A record of the old base as it is brought back to a restored server (docs/protocol.md, section 8). */
export function healToWire(record: BaseRecord): Change {
  return create(ChangeSchema, {
    recordId: record.record,
    version: record.version,
    parentVersions: [...record.parents],
    content: contentToWire(record.content, record.content.source, record.content.bodyJson),
    deleted: record.deleted,
    claimedUs: BigInt(record.claimedUs),
    heal: {
      author: record.author,
      deviceId: record.device,
      stamps: stampsToWire(record.stamps),
      effectiveUs: BigInt(record.effectiveUs),
    },
  });
}

/** A pulled record. @throws DomainError when the server breaks the protocol. */
export function pulledFromWire(pulled: PulledRecord): Pulled {
  switch (pulled.record.case) {
    case "version":
      return { kind: "version", record: versionFromWire(pulled.record.value) };
    case "own": {
      const own = pulled.record.value;
      const stamp = {
        record: parseRecordId(own.recordId),
        version: parseVersion(own.version).id,
        seq: Number(own.seq),
        author: own.author,
        effectiveUs: Number(own.effectiveUs),
        stamps: stampsFromWire(own.stamps),
      };
      return { kind: "own", stamp };
    }
    case undefined:
      throw tooOld();
  }
}

/** A head as the log keeps it. */
export function versionFromWire(version: RecordVersion): BaseRecord {
  return {
    record: parseRecordId(version.recordId),
    version: parseVersion(version.version).id,
    parents: version.parentVersions.map((parent) => parseVersion(parent).id),
    content: textFromWire(version.content),
    deleted: version.deleted,
    seq: Number(version.seq),
    author: version.author,
    device: version.deviceId,
    sequence: Number(version.sequence),
    stamps: stampsFromWire(version.stamps),
    claimedUs: Number(version.claimedUs),
    effectiveUs: Number(version.effectiveUs),
  };
}

/** Content with its body as text; nothing is parsed before somebody looks. */
function textFromWire(content: RecordVersion["content"]): TextContent {
  switch (content.case) {
    case "entity": {
      const { type, source, bodyJson } = content.value;
      return { kind: "entity", type: known(entityTypes.fromWire(type)), source: sourceOf(source), bodyJson };
    }
    case "relationship": {
      const { type, fromId, toId, source, propertiesJson } = content.value;
      return {
        kind: "relationship",
        type: known(relationshipTypes.fromWire(type)),
        from: parseRecordId(fromId, "from_id"),
        to: parseRecordId(toId, "to_id"),
        source: sourceOf(source),
        bodyJson: propertiesJson,
      };
    }
    case undefined:
      throw tooOld();
  }
}

function sourceOf(source: WireSourceType): SourceType {
  return sourceTypes.fromWire(source) ?? "manual";
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw tooOld();
  return value;
}

/** The server is of a newer make than this client. */
function tooOld(): DomainError {
  return new DomainError("unimplemented", "the server knows a type of record that this client does not: update it", {
    reason: "CLIENT_TOO_OLD",
  });
}
