import type { MessageShape } from "@bufbuild/protobuf";
import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { UpdateRelationshipRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import type { RelationshipContent } from "@funkygibbon/kernel/content";
import { DomainError } from "@funkygibbon/kernel/errors";
import { type HouseholdId, parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { MAX_RESOLUTION_ROUNDS } from "@funkygibbon/kernel/limits";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { ApiResult, ApiWrite, ExpectedHead } from "../../domain/commit-job.ts";
import { bodyChange, type RelationshipMask, relationshipMask } from "../../domain/field-mask.ts";
import type { RelationshipView } from "../../domain/graph-reads.ts";
import { parseEnum, parseEtag, parseUpdateBody } from "../shared/fields.ts";
import { presentRelationship, relationshipViewOf } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, originOf, requireWriter, standardSource } from "../shared/write.ts";

type Api = Pick<StoreApi, "commits" | "graph" | "clock">;
type Ends = Pick<RelationshipContent, "type" | "from" | "to">;
type Request = MessageShape<typeof UpdateRelationshipRequestSchema>;

/** RelationshipService.UpdateRelationship. */
export function updateRelationship(api: Api): HandlerOf<typeof RelationshipService.method.updateRelationship> {
  return async (request, call) => {
    const identity = requireWriter(call);
    const { household } = identity;
    const record = parseRecordId(request.id);
    const expected = parseEtag(request.etag);
    const mask = relationshipMask(request.updateMask?.paths ?? []);
    const named = namedEnds(request, mask);
    const body = bodyChange(parseUpdateBody(request.propertiesJson, "properties_json", mask.keys), mask.keys);
    const source = standardSource(originOf(request, call, identity));
    const job = (current: RelationshipView | undefined): ApiWrite =>
      apiWrite(request, {
        desc: UpdateRelationshipRequestSchema,
        call,
        clock: api.clock,
        action: {
          kind: "update",
          record,
          recordKind: "relationship",
          expected: expectedOf(expected, named, current),
          body,
          ends: named && current && { ...pick(current), ...named },
          source,
        },
      });
    for (let round = 1; ; round++) {
      const current = await read(api, household, record);
      try {
        const { head }: ApiResult = await api.commits.commit(job(current));
        return { relationship: presentRelationship(relationshipViewOf(head, current?.createdUs ?? head.committedUs)) };
      } catch (error) {
        // The caller asked for no particular version; only our own reading has grown old.
        const raced = error instanceof DomainError && error.kind === "stale" && expected === "any";
        if (!raced || round >= MAX_RESOLUTION_ROUNDS) throw error;
      }
    }
  };
}

/**
 * A mask that names one end only needs the other from the head, so the commit must find that very head: the ends of an
 * edge are one key.
 */
function expectedOf(expected: ExpectedHead, named: Partial<Ends> | undefined, current: RelationshipView | undefined) {
  return expected === "any" && named !== undefined && current !== undefined ? current.version : expected;
}

function namedEnds(request: Request, mask: RelationshipMask): Partial<Ends> | undefined {
  const ends: Partial<Ends> = {
    ...(mask.type ? { type: parseEnum(relationshipTypes, request.type, "type") } : {}),
    ...(mask.from ? { from: parseRecordId(request.fromId, "from_id") } : {}),
    ...(mask.to ? { to: parseRecordId(request.toId, "to_id") } : {}),
  };
  return Object.keys(ends).length === 0 ? undefined : ends;
}

function pick({ type, from, to }: Ends): Ends {
  return { type, from, to };
}

/** The edge as it is; what is not there, or dead, is for the commit to say, which may also know the request already. */
async function read({ graph }: Api, household: HouseholdId, record: RecordId): Promise<RelationshipView | undefined> {
  const found = await graph.snapshot({ household, at: undefined }, (snapshot) => snapshot.relationships([record]));
  return found.get(record);
}
