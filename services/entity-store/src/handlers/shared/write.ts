import { createHash } from "node:crypto";
import { create, type DescMessage, type Message, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Origin as WireOrigin } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { SourceType as WireSourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { Clock } from "@funkygibbon/kernel/clock";
import type { SourceType } from "@funkygibbon/kernel/entity-type";
import { invalid, permissionDenied } from "@funkygibbon/kernel/errors";
import { type Identity, mayWrite } from "@funkygibbon/kernel/identity";
import { isUuid } from "@funkygibbon/kernel/ids";
import type { Origin } from "@funkygibbon/kernel/record";
import type { CallContext } from "@funkygibbon/rpc/call";
import { sourceTypes } from "@funkygibbon/wire/graph-types";
import { originFromWire } from "@funkygibbon/wire/origin";
import type { ApiAction, ApiWrite, RequestKey } from "../../domain/commit-job.ts";
import { parseEnum } from "./fields.ts";

/** What every write request of the API has. */
export type WriteRequest = Message & {
  readonly requestId: string;
  readonly origin?: WireOrigin | undefined;
  readonly validateOnly: boolean;
};

/** The user of a write. @throws DomainError `permission-denied` for a role that only reads. */
export function requireWriter(call: CallContext): Identity {
  const identity = call.requireIdentity();
  if (!mayWrite(identity.role)) throw permissionDenied("guests may read and not write", "READ_ONLY_ROLE");
  return identity;
}

/** The job that a write request asks for. */
export function apiWrite<Desc extends DescMessage>(
  request: MessageShape<Desc> & WriteRequest,
  options: { readonly desc: Desc; readonly call: CallContext; readonly clock: Clock; readonly action: ApiAction },
): ApiWrite {
  const { call, clock, action, desc } = options;
  const identity = requireWriter(call);
  return {
    kind: "api",
    household: identity.household,
    user: identity.user,
    receivedUs: clock.now(),
    origin: originOf(request, call, identity),
    // A trial run leaves no trace, so it is not remembered either.
    request: request.validateOnly ? undefined : requestKey(request, desc, call, identity),
    dryRun: request.validateOnly,
    action,
  };
}

/** @throws DomainError `invalid` naming `request_id` when it is neither empty nor a UUID. */
export function requestKey<Desc extends DescMessage>(
  request: MessageShape<Desc> & { readonly requestId: string },
  desc: Desc,
  call: CallContext,
  identity: Identity,
): RequestKey | undefined {
  if (request.requestId === "") return undefined;
  if (!isUuid(request.requestId)) throw invalid([{ field: "request_id", description: "must be a UUID" }]);
  // A retry may come in through another call of the gateway: the origin does not make it another request.
  const {
    origin: _origin,
    requestId: _id,
    ...content
  } = request as MessageShape<Desc> & {
    requestId: string;
    origin?: unknown;
  };
  const bytes = toBinary(desc, create(desc, content as unknown as MessageShape<Desc>));
  const hash = createHash("sha256").update(`${call.method}\n${identity.user}\n`).update(bytes).digest("base64url");
  return { id: request.requestId.toLowerCase(), fingerprint: hash };
}

/** Where an edit says it comes from; unspecified: typed by a person, or written by an assistant through the gateway. */
export function parseSource(value: WireSourceType, origin: Origin): SourceType {
  return value === 0 ? (standardSource(origin) ?? "manual") : parseEnum(sourceTypes, value, "source");
}

/** What an edit through this door makes of a record's source; undefined: nothing. */
export function standardSource(origin: Origin): SourceType | undefined {
  return origin.channel === "mcp" ? "mcp" : undefined;
}

/** The door of a call. Only services may name another one than the API itself. */
export function originOf(
  request: { readonly origin?: WireOrigin | undefined },
  call: CallContext,
  identity: Identity,
): Origin {
  const own: Origin = { channel: "api", clientName: identity.client ?? "", tool: "", callId: call.requestId };
  if (request.origin === undefined || call.service === undefined) return own;
  const origin = originFromWire(request.origin);
  return { ...origin, callId: origin.callId || own.callId };
}
