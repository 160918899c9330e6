import type { Divergence as WireDivergence } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import type { RecordVersion as WireVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { DomainError, invalid } from "@funkygibbon/kernel/errors";
import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import { policyFromWire } from "@funkygibbon/wire/conflict";
import { contentFromWire } from "@funkygibbon/wire/content";
import { strategies } from "@funkygibbon/wire/outcomes";
import { stampsFromWire } from "@funkygibbon/wire/stamps";
import type { ParsedDivergence } from "../domain/resolve-divergence.ts";
import type { Party } from "../domain/side.ts";

/**
 * A divergence as the resolver needs it. Reads only what a merge looks at: ids and versions go back to the store as they
 * came, and reading whole versions would double the time of a batch.
 * @throws DomainError `invalid` naming the divergence at fault.
 */
export function readDivergence(wire: WireDivergence, index: number): ParsedDivergence {
  try {
    return {
      local: readParty(wire.local, "local"),
      server: readParty(wire.server, "server"),
      base: wire.base === undefined ? undefined : readParty(wire.base, "base"),
      wish: strategies.fromWire(wire.wish),
      policy: wire.policy === undefined ? undefined : policyFromWire(wire.policy),
      restored: wire.restored,
      serverCascade: wire.serverCascade,
    };
  } catch (error) {
    throw atFault(error, index);
  }
}

function readParty(wire: WireVersion | undefined, side: string): Party {
  if (wire === undefined) throw invalid([{ field: side, description: "must be set" }]);
  try {
    return {
      // Identities that the store gave and gets back: to us they are opaque.
      record: wire.recordId as RecordId,
      version: wire.version as VersionId,
      device: wire.deviceId as DeviceId,
      content: contentFromWire(wire.content).content,
      deleted: wire.deleted,
      bodyRemoved: wire.bodyRemoved,
      stamps: stampsFromWire(wire.stamps, `${side}.stamps`),
      effectiveUs: Number(wire.effectiveUs),
      sequence: Number(wire.sequence),
    };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid([{ field: `${side}.content`, description: "must be JSON (RFC 8259)" }], "INVALID_JSON");
  }
}

function atFault(error: unknown, index: number): unknown {
  if (!(error instanceof DomainError) || error.kind !== "invalid") return error;
  const fields = error.fields.map(({ field, description }) => ({
    field: `divergences[${index}].${field}`,
    description,
  }));
  return invalid(fields, error.reason);
}
