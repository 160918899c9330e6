import type { DescService, Message } from "@bufbuild/protobuf";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { CallContext } from "@funkygibbon/rpc/call";
import { type BoundService, type Handlers, implement } from "@funkygibbon/rpc/service";

/** A call as a service behind the gateway saw it. */
export interface RecordedCall {
  readonly method: string;
  readonly request: Message;
  readonly identity: Identity | undefined;
  readonly service: string | undefined;
  readonly requestId: string;
  /** The user's own token, if it came along. */
  readonly authorization: string | undefined;
}

/** A public service that answers these unary methods, and `unimplemented` to all others; every call is recorded. */
export function recordingService<Service extends DescService>(
  descriptor: Service,
  handlers: Partial<Handlers<Service>>,
  calls: RecordedCall[],
): BoundService {
  const given: Readonly<Record<string, unknown>> = handlers;
  const all = descriptor.methods.map((method) => {
    const handler = given[method.localName];
    const record = async (request: Message, call: CallContext) => {
      calls.push({
        method: method.name,
        request,
        identity: call.identity,
        service: call.service?.name,
        requestId: call.requestId,
        authorization: call.headers.get("authorization"),
      });
      if (typeof handler !== "function") throw new DomainError("unimplemented", "not here", { reason: "NOT_HERE" });
      return handler(request, call);
    };
    return [method.localName, record] as const;
  });
  // Complete by construction, which the type of a record cannot say.
  return implement(descriptor, { access: "user", handlers: Object.fromEntries(all) as unknown as Handlers<Service> });
}
